/* What every engine shares about outcomes: making one, and the words for what an attempt was and why a letter is dead. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "store/store.h"

struct store_settle *store_settle_make(const char *detail) {
    struct bytes all = { detail, detail ? strnlen(detail, STORE_DETAIL_LIMIT + 1) : 0 };
    struct bytes text = bytes_cut(all, STORE_DETAIL_LIMIT);
    struct store_settle *settle = calloc(1, sizeof *settle + text.length + 1);
    if (settle && text.length > 0)
        memcpy(settle->detail, text.data, text.length);
    return settle;
}

void store_settle_free(struct store_settle *first) {
    while (first) {
        struct store_settle *next = first->next;
        free(first);
        first = next;
    }
}

const char *store_outcome_text(enum store_outcome outcome) {
    static const char *const texts[] = {
        [STORE_OUTCOME_OK] = "ok",       [STORE_OUTCOME_RETRY] = "retry",       [STORE_OUTCOME_FAIL] = "fail",
        [STORE_OUTCOME_CRASH] = "crash", [STORE_OUTCOME_DEADLINE] = "deadline",
    };
    return (size_t)outcome < sizeof texts / sizeof *texts ? texts[outcome] : "unknown";
}

const char *store_reason_text(enum store_reason reason) {
    static const char *const texts[] = {
        [STORE_REASON_FAIL] = "fail",
        [STORE_REASON_ATTEMPTS] = "attempts",
        [STORE_REASON_GIVE_UP] = "give_up",
        [STORE_REASON_POISON] = "poison",
    };
    return (size_t)reason < sizeof texts / sizeof *texts ? texts[reason] : "unknown";
}
