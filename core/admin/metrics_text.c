#include "admin/metrics_text.h"

#include <assert.h>
#include <stdio.h>

enum { NUMBER_SIZE = 40 };

/* A backslash and a line's end are escaped everywhere, a quote within quotes. */
static void escape(struct buffer *out, const char *text, bool quoted) {
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buffer_append_text(out, "\\n");
        else if (*text == '\\' || (quoted && *text == '"'))
            buffer_format(out, "\\%c", *text);
        else
            buffer_append(out, text, 1);
    }
}

void metric_head(struct buffer *out, const char *name, const char *type, const char *help) {
    buffer_format(out, "# HELP %s ", name);
    escape(out, help, false);
    buffer_format(out, "\n# TYPE %s %s\n", name, type);
}

static void sample(struct buffer *out, const char *name, const char *suffix, const struct metric_label *labels,
                   int label_count, const char *value) {
    buffer_format(out, "%s%s", name, suffix);
    for (int i = 0; i < label_count; i++) {
        buffer_format(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        escape(out, labels[i].value, true);
        buffer_append_text(out, "\"");
    }
    buffer_format(out, "%s %s\n", label_count > 0 ? "}" : "", value);
}

void metric_count(struct buffer *out, const char *name, const struct metric_label *labels, int label_count,
                  uint64_t value) {
    char text[NUMBER_SIZE];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    sample(out, name, "", labels, label_count, text);
}

/* The counts go on while they are read: the last bucket and the count are what was read, so that they agree. */
void metric_histogram(struct buffer *out, const char *name, const struct metric_label *labels, int label_count,
                      const struct histogram *histogram, const struct histogram_scale *scale) {
    struct metric_label all[METRIC_LABEL_LIMIT + 1];
    char bound[NUMBER_SIZE], value[NUMBER_SIZE];
    uint64_t below = 0;
    assert(label_count <= METRIC_LABEL_LIMIT);
    for (int i = 0; i < label_count; i++)
        all[i] = labels[i];
    all[label_count] = (struct metric_label){ "le", bound };
    for (int i = 0; i <= scale->count; i++) {
        below += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        if (i < scale->count)
            snprintf(bound, sizeof bound, "%.10g", (double)scale->bounds[i] * scale->unit);
        else
            snprintf(bound, sizeof bound, "+Inf");
        snprintf(value, sizeof value, "%llu", (unsigned long long)below);
        sample(out, name, "_bucket", all, label_count + 1, value);
    }
    uint64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    snprintf(bound, sizeof bound, "%.15g", (double)sum * scale->unit);
    sample(out, name, "_sum", labels, label_count, bound);
    sample(out, name, "_count", labels, label_count, value);
}
