#include "admin/metrics.h"

#include <stdlib.h>

#include "admin/metrics_text.h"
#include "base/log.h"
#include "base/version.h"
#include "deliver/status.h"
#include "receive/server.h"
#include "store/store.h"

/* All that one scrape found out, before the rows tell of it. */
struct scrape {
    const struct api *api;
    struct buffer *out;
    struct dispatch_status *status; /* null: the main thread did not answer in time */
    struct store_tally *tallies;
    int tally_count;
    struct store_totals totals;
    bool totals_known;
};

static void tell(const struct scrape *scrape, const struct metric_row *row, const struct metric_label *labels,
                 int label_count, uint64_t value) {
    metric_count(scrape->out, row->name, labels, label_count, value);
}

/* ---- receive ---- */

static void tell_events(const struct scrape *scrape, const struct metric_row *row) {
    const struct setup *setup = scrape->api->setup;
    for (int source = 0; source <= setup->source_count; source++) {
        for (int answer = 0; answer < ANSWER_COUNT; answer++) {
            const struct metric_label labels[] = {
                { "source", source < setup->source_count ? setup->sources[source].name : "" },
                { "result", answer_row(answer)->name },
            };
            tell(scrape, row, labels, 2, server_count(scrape->api->server, source, answer));
        }
    }
}

static void tell_request_seconds(const struct scrape *scrape, const struct metric_row *row) {
    metric_histogram(scrape->out, row->name, NULL, 0, server_request_times(scrape->api->server), &server_request_scale);
}

/* ---- the store ---- */

static void tell_commit_seconds(const struct scrape *scrape, const struct metric_row *row) {
    metric_histogram(scrape->out, row->name, NULL, 0, &store_measures(scrape->api->store)->commit_us,
                     &store_commit_scale);
}

static void tell_commit_events(const struct scrape *scrape, const struct metric_row *row) {
    metric_histogram(scrape->out, row->name, NULL, 0, &store_measures(scrape->api->store)->commit_events,
                     &store_commit_events_scale);
}

static bool is_configured(const struct api *api, int plugin) {
    for (int i = 0; i < api->setup->plugin_count; i++) {
        if (api->plugin_numbers[i] == plugin)
            return true;
    }
    return false;
}

/* A parked plugin has nobody who works on its queue: that is just why it is told. */
static void tell_queue(const struct scrape *scrape, const struct metric_row *row) {
    for (int i = 0; i < scrape->tally_count; i++) {
        const struct store_tally *tally = &scrape->tallies[i];
        const struct {
            const char *state;
            int64_t count;
        } states[] = { { "pending", tally->pending }, { "retrying", tally->retrying }, { "dead", tally->dead } };
        if (tally->pending + tally->retrying + tally->dead == 0 && !is_configured(scrape->api, tally->plugin))
            continue;
        for (int state = 0; state < 3; state++) {
            const struct metric_label labels[] = { { "plugin", tally->name }, { "state", states[state].state } };
            tell(scrape, row, labels, 2, states[state].count > 0 ? (uint64_t)states[state].count : 0);
        }
    }
}

static void tell_store_bytes(const struct scrape *scrape, const struct metric_row *row) {
    if (scrape->totals_known)
        tell(scrape, row, NULL, 0, (uint64_t)scrape->totals.bytes);
}

/* ---- deliver; by the main thread's copy ---- */

static int plugin_count(const struct scrape *scrape) {
    return scrape->status != NULL ? scrape->status->plugin_count : 0;
}

static void tell_deliveries(const struct scrape *scrape, const struct metric_row *row) {
    for (int i = 0; i < plugin_count(scrape); i++) {
        const struct plugin_status *plugin = &scrape->status->plugins[i];
        for (int outcome = 0; outcome < STATUS_OUTCOMES; outcome++) {
            const struct metric_label labels[] = { { "plugin", plugin->name },
                                                   { "outcome", status_outcome_text(outcome) } };
            tell(scrape, row, labels, 2, plugin->outcomes[outcome]);
        }
    }
}

static void tell_delivery_seconds(const struct scrape *scrape, const struct metric_row *row) {
    for (int i = 0; i < plugin_count(scrape); i++) {
        const struct metric_label label = { "plugin", scrape->status->plugins[i].name };
        metric_histogram(scrape->out, row->name, &label, 1, &scrape->status->plugins[i].delivery_us,
                         &status_delivery_scale);
    }
}

static void tell_workers(const struct scrape *scrape, const struct metric_row *row) {
    for (int i = 0; i < plugin_count(scrape); i++) {
        const struct metric_label label = { "plugin", scrape->status->plugins[i].name };
        tell(scrape, row, &label, 1, (uint64_t)scrape->status->plugins[i].running);
    }
}

static void tell_restarts(const struct scrape *scrape, const struct metric_row *row) {
    for (int i = 0; i < plugin_count(scrape); i++) {
        const struct plugin_status *plugin = &scrape->status->plugins[i];
        for (int restart = 0; restart < STATUS_RESTARTS; restart++) {
            const struct metric_label labels[] = { { "plugin", plugin->name },
                                                   { "reason", status_restart_text(restart) } };
            tell(scrape, row, labels, 2, plugin->restarts[restart]);
        }
    }
}

static void tell_breaker(const struct scrape *scrape, const struct metric_row *row) {
    for (int i = 0; i < plugin_count(scrape); i++) {
        enum status_breaker breaker = scrape->status->plugins[i].breaker;
        const struct metric_label label = { "plugin", scrape->status->plugins[i].name };
        tell(scrape, row, &label, 1, breaker == STATUS_BREAKER_OPEN || breaker == STATUS_BREAKER_PROBING);
    }
}

/* ---- the daemon ---- */

/* There are none yet; who draws the curve has it from the start. */
static void tell_reloads(const struct scrape *scrape, const struct metric_row *row) {
    static const struct metric_label results[] = { { "result", "ok" }, { "result", "refused" } };
    for (int i = 0; i < 2; i++)
        tell(scrape, row, &results[i], 1, 0);
}

static void tell_build(const struct scrape *scrape, const struct metric_row *row) {
    static const struct metric_label label = { "version", GRAPNEL_VERSION };
    tell(scrape, row, &label, 1, 1);
}

static const struct metric_row rows[] = {
    { "grapnel_events_total", "counter", "source,result",
      "Requests that were answered, by what became of them; source is empty where the path is no source's.",
      tell_events },
    { "grapnel_request_seconds", "histogram", "",
      "From a request's head being read to its answer being handed to the socket, of every request.",
      tell_request_seconds },
    { "grapnel_commit_seconds", "histogram", "", "How long the store's commits of events took.", tell_commit_seconds },
    { "grapnel_commit_events", "histogram", "", "How many events were in one commit.", tell_commit_events },
    { "grapnel_deliveries_total", "counter", "plugin,outcome", "Attempts to deliver, by what came of them.",
      tell_deliveries },
    { "grapnel_delivery_seconds", "histogram", "plugin", "How long the attempts took of which the plugin told the end.",
      tell_delivery_seconds },
    { "grapnel_queue", "gauge", "plugin,state",
      "Deliveries in the store that are pending (not yet attempted) or retrying, and dead letters. Plugins that are no "
      "longer configured too.",
      tell_queue },
    { "grapnel_workers", "gauge", "plugin", "Worker processes that are ready for deliveries.", tell_workers },
    { "grapnel_worker_restarts_total", "counter", "plugin,reason",
      "Workers that ended, or were ended, and were started again.", tell_restarts },
    { "grapnel_breaker_open", "gauge", "plugin",
      "1 while deliveries wait because what the plugin needs is down, or one of them probes it; else 0.",
      tell_breaker },
    { "grapnel_reloads_total", "counter", "result", "Times that the config was read again.", tell_reloads },
    { "grapnel_store_bytes", "gauge", "", "Size of the store's database and its log on disk.", tell_store_bytes },
    { "grapnel_build_info", "gauge", "version", "Always 1; the version is its label.", tell_build },
};

const struct metric_row *metrics_rows(int *count) {
    *count = sizeof rows / sizeof *rows;
    return rows;
}

/* ---- a scrape ---- */

static void scrape_ask(struct scrape *scrape) {
    scrape->status = malloc(sizeof *scrape->status);
    if (scrape->status != NULL && !dispatch_ask(scrape->api->dispatch, scrape->status, METRICS_ASK_MS)) {
        free(scrape->status);
        scrape->status = NULL;
    }
    if (scrape->status == NULL)
        buffer_append_text(scrape->out,
                           "# The main loop did not answer in time: what is known of plugins is left out.\n");
}

static void scrape_read(struct scrape *scrape) {
    struct fault fault = { .text = "" };
    struct store_reader *reader = store_reader_open(scrape->api->store, &fault);
    scrape->tallies = calloc(METRICS_PLUGIN_LIMIT, sizeof *scrape->tallies);
    if (reader != NULL && scrape->tallies != NULL) {
        scrape->tally_count = store_read_tallies(reader, scrape->tallies, METRICS_PLUGIN_LIMIT);
        scrape->totals_known = store_read_totals(reader, &scrape->totals);
    }
    if (reader == NULL)
        log_warn(scrape->api->log, "metrics: %s", fault.text);
    if (scrape->tally_count < 0 || !scrape->totals_known)
        buffer_append_text(scrape->out, "# The store could not be read: what stands there is left out.\n");
    store_reader_close(reader);
}

void metrics_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct scrape scrape = { .api = api, .out = &answer->body };
    int count;
    (void)request;
    metrics_rows(&count);
    answer->content_type = METRICS_CONTENT_TYPE;
    scrape_ask(&scrape);
    scrape_read(&scrape);
    for (int i = 0; i < count; i++) {
        metric_head(&answer->body, rows[i].name, rows[i].type, rows[i].help);
        rows[i].tell(&scrape, &rows[i]);
    }
    free(scrape.tallies);
    free(scrape.status);
}
