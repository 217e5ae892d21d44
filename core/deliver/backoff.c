/* How long until the next attempt: first * factor^(n-1), never beyond the longest, with jitter. */
#include "deliver/backoff.h"

int64_t backoff_delay(const struct setup_retry *retry, int attempts, double random) {
    double delay = (double)retry->first_ms;
    double longest = (double)retry->longest_ms;
    for (int n = 1; n < attempts && delay < longest && retry->factor > 1; n++)
        delay *= retry->factor;
    if (delay > longest)
        delay = longest;
    return (int64_t)(delay * (1 - retry->jitter + 2 * retry->jitter * random));
}

int64_t backoff_clamp(int64_t after_ms) {
    if (after_ms < BACKOFF_ASKED_LEAST_MS)
        return BACKOFF_ASKED_LEAST_MS;
    return after_ms > BACKOFF_ASKED_MOST_MS ? BACKOFF_ASKED_MOST_MS : after_ms;
}
