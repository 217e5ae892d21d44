/* What every engine shares about outcomes: making one, and the words for why a letter is dead. */
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

struct store_settle *store_settle_make(const char *detail) {
    size_t length = detail ? strnlen(detail, STORE_DETAIL_LIMIT) : 0;
    if (length == STORE_DETAIL_LIMIT) {
        while (length > 0 && ((unsigned char)detail[length] & 0xc0) == 0x80) {
            length--; /* never half a UTF-8 character */
        }
    }
    struct store_settle *settle = calloc(1, sizeof *settle + length + 1);
    if (settle && length > 0) {
        memcpy(settle->detail, detail, length);
    }
    return settle;
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
