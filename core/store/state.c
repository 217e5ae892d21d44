/* The words for how a delivery stands. */
#include "store/store.h"

const char *store_state_text(enum store_state state) {
    static const char *const texts[STORE_STATES] = {
        [STORE_STATE_PENDING] = "pending", [STORE_STATE_RETRYING] = "retrying",   [STORE_STATE_DEAD] = "dead",
        [STORE_STATE_DONE] = "done",       [STORE_STATE_DISCARDED] = "discarded", [STORE_STATE_UNROUTED] = "unrouted",
    };
    return (size_t)state < STORE_STATES ? texts[state] : "unknown";
}
