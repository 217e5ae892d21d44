/* The words of a plugin's status, and the bounds of what a delivery takes. */
#include "deliver/status.h"

const struct histogram_scale status_delivery_scale = {
    .unit = 1e-6,
    .count = 16,
    .bounds = { 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000,
                20000000, 30000000, 60000000 },
};

const char *status_breaker_text(enum status_breaker breaker) {
    static const char *const texts[] = { "closed", "open", "probing", "slow start" };
    return texts[breaker];
}

const char *status_outcome_text(enum status_outcome outcome) {
    static const char *const texts[STATUS_OUTCOMES] = { "ok", "retry", "busy", "fail", "crash", "deadline" };
    return texts[outcome];
}

const char *status_restart_text(enum status_restart restart) {
    static const char *const texts[STATUS_RESTARTS] = { "exit", "signal", "deadline", "garbage", "memory", "init" };
    return texts[restart];
}
