/* GET /metrics, for Prometheus: a table of rows, each a metric. All of it is counted where it happens; a scrape reads counters, asks the
 * main thread once, and scans nothing. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/api.h"

struct scrape;

struct metric_row {
    const char *name;
    const char *type;   /* counter, gauge or histogram */
    const char *labels; /* "source,result"; "" for none */
    const char *help;   /* with the unit */
    void (*tell)(const struct scrape *scrape, const struct metric_row *row);
};
const struct metric_row *metrics_rows(int *count);

enum {
    METRICS_ASK_MS = 2000,      /* for the main thread's answer; without it what it knows is left out */
    METRICS_PLUGIN_LIMIT = 1024 /* that were ever configured: the queues of further ones are not told */
};

void metrics_answer(const struct api *api, const struct api_request *request, struct api_answer *answer);

#endif
