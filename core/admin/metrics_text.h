/* Prometheus' text format, version 0.0.4. */
#ifndef ADMIN_METRICS_TEXT_H
#define ADMIN_METRICS_TEXT_H

#include "base/bytes.h"
#include "base/histogram.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metric_label {
    const char *name, *value; /* any UTF-8 */
};
enum { METRIC_LABEL_LIMIT = 3 };

/* The two lines before the samples of one metric. */
void metric_head(struct buffer *out, const char *name, const char *type, const char *help);
/* One line. */
void metric_count(struct buffer *out, const char *name, const struct metric_label *labels, int label_count,
                  uint64_t value);
/* The lines of a histogram: its buckets, each with all below it, its sum and its count. */
void metric_histogram(struct buffer *out, const char *name, const struct metric_label *labels, int label_count,
                      const struct histogram *histogram, const struct histogram_scale *scale);

#endif
