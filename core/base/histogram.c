#include "base/histogram.h"

void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, int64_t value) {
    uint64_t counted = value < 0 ? 0 : (uint64_t)value;
    int place = 0;
    while (place < scale->count && counted > (uint64_t)scale->bounds[place])
        place++;
    atomic_fetch_add_explicit(&histogram->counts[place], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, counted, memory_order_relaxed);
}
