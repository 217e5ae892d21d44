/* Matching event types against patterns with stars. */
#include "event/pattern.h"

/* Greedy with one point to come back to: when a later part fails, only the last star can usefully take one byte more, since what the
 * earlier stars took was already the least possible. */
bool pattern_matches(struct bytes pattern, struct bytes text) {
    size_t at = 0, in_text = 0;
    size_t behind_star = 0,
           star_ends = 0; /* where to go on in the pattern, and in the text, when the last star takes one more */
    bool star = false;
    while (in_text < text.length) {
        if (at < pattern.length && pattern.data[at] == '*') {
            star = true;
            behind_star = ++at;
            star_ends = in_text;
        } else if (at < pattern.length && pattern.data[at] == text.data[in_text]) {
            at++;
            in_text++;
        } else if (star) {
            at = behind_star;
            in_text = ++star_ends;
        } else {
            return false;
        }
    }
    while (at < pattern.length && pattern.data[at] == '*')
        at++;
    return at == pattern.length;
}
