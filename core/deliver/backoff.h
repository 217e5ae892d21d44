/* When to try again: delay(n) = min(longest, first * factor^(n-1)) * U(1-jitter, 1+jitter). */
#ifndef DELIVER_BACKOFF_H
#define DELIVER_BACKOFF_H

#include <stdint.h>

#include "config/setup.h"

/* The least and the most that a plugin's own `after_ms` can ask for. */
enum { BACKOFF_ASKED_LEAST_MS = 1000, BACKOFF_ASKED_MOST_MS = 24 * 60 * 60 * 1000 };

/* Milliseconds until the next attempt after `attempts` (1, 2, …) failed ones. `random` is uniform in [0, 1). */
int64_t backoff_delay(const struct setup_retry *retry, int attempts, double random);
/* What a plugin asked for, brought into bounds. */
int64_t backoff_clamp(int64_t after_ms);

#endif
