/* Counting how often what was measured lay between bounds, as Prometheus wants it. Any thread may add; reading needs no lock. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_BOUND_LIMIT = 20 };

/* The bounds are rows of their own, shared by all histograms of one kind. */
struct histogram_scale {
    double unit; /* what 1 is in the unit that people see: 1e-6 for microseconds that are shown as seconds */
    int count;
    int64_t bounds[HISTOGRAM_BOUND_LIMIT]; /* ascending; a value that equals one lies below it */
};

/* Zero-initialise. */
struct histogram {
    _Atomic uint64_t
        counts[HISTOGRAM_BOUND_LIMIT + 1]; /* between the bound before and this one; the last: above all of them */
    _Atomic uint64_t sum;
};

/* A negative value counts as 0. */
void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, int64_t value);

#endif
