#include "admin/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/fields.h"
#include "admin/lookup.h"
#include "admin/write.h"
#include "base/version.h"
#include "config/setup.h"
#include "deliver/status.h"
#include "receive/server.h"

/* All that is asked, before anything of it is written. */
struct status {
    const struct api *api;
    struct write_clock clock;
    struct lookup_plugins plugins;
    struct store_totals totals;
    struct store_health health;
    struct dispatch_status *dispatch; /* null if it did not answer */
};

static void listening_write(struct buffer *body, const char *addresses) {
    const char *at = addresses;
    buffer_append_text(body, ",\"listening\":[");
    while (*at != '\0') {
        size_t length = strcspn(at, " ");
        buffer_append_text(body, at == addresses ? "" : ",");
        write_bytes(body, (struct bytes){ at, length });
        at += length + (at[length] == ' ');
    }
    buffer_append_text(body, "]");
}

static void daemon_write(const struct status *status, struct buffer *body) {
    const struct api *api = status->api;
    const struct store_health *health = &status->health;
    bool stopping = api->server != NULL && !server_is_listening(api->server);
    bool refusing = health->broken || health->refusing;
    buffer_append_text(body, "{\"version\":");
    write_text(body, GRAPNEL_VERSION);
    buffer_format(body, ",\"pid\":%d,\"started\":", (int)getpid());
    write_time(body, api->started_ms);
    buffer_append_text(body, ",\"config\":");
    write_text(body, api->setup->path);
    listening_write(body, api->server != NULL ? server_addresses(api->server) : "");
    buffer_append_text(body, ",\"state\":");
    write_text(body, api->setup->state);
    buffer_format(body, ",\"intake\":\"%s\",\"why\":", stopping ? "stopping" : refusing ? "refusing" : "open");
    write_text(body, health->why[0] != '\0' ? health->why : NULL);
}

static void store_write(const struct status *status, struct buffer *body) {
    const struct store_totals *totals = &status->totals;
    buffer_append_text(body, ",\n\"store\":{\"path\":");
    write_text(body, store_path(status->api->store));
    buffer_format(body,
                  ",\"bytes\":%" PRId64 ",\"free_bytes\":%" PRId64 ",\"events\":%" PRId64 ",\"unrouted\":%" PRId64
                  ",\"oldest\":",
                  totals->bytes, totals->free_bytes, totals->events, totals->unrouted);
    write_time(body, totals->oldest_ms);
    buffer_append_text(body, "}");
}

/* ---- plugins ---- */

static const struct plugin_status *running_find(const struct status *status, int number) {
    for (int i = 0; status->dispatch != NULL && i < status->dispatch->plugin_count; i++) {
        if (status->dispatch->plugins[i].number == number)
            return &status->dispatch->plugins[i];
    }
    return NULL;
}

static void counts_write(const struct store_tally *tally, struct buffer *body) {
    buffer_format(body, ",\"pending\":%" PRId64 ",\"retrying\":%" PRId64 ",\"dead\":%" PRId64,
                  tally != NULL ? tally->pending : 0, tally != NULL ? tally->retrying : 0,
                  tally != NULL ? tally->dead : 0);
}

static void breaker_write(const struct plugin_status *plugin, const struct write_clock *clock, struct buffer *body) {
    bool open = plugin->breaker == STATUS_BREAKER_OPEN, slow = plugin->breaker == STATUS_BREAKER_SLOW;
    buffer_format(body, ",\"breaker\":\"%s\",\"probe\":", status_breaker_text(plugin->breaker));
    write_time(body, open ? clock->wall_ms + plugin->probe_in_ms : 0);
    buffer_append_text(body, ",\"rate\":");
    if (slow)
        buffer_format(body, "%" PRId64, plugin->rate);
    else
        buffer_append_text(body, "null");
    buffer_append_text(body, ",\"why\":");
    write_text(body, plugin->why[0] != '\0' ? plugin->why : NULL);
}

/* What only the main thread knows. */
static void running_write(const struct plugin_status *plugin, const struct write_clock *clock, struct buffer *body) {
    buffer_format(body, ",\"running\":%d,\"processes\":[", plugin->running);
    for (int i = 0; i < plugin->process_count; i++)
        buffer_format(body, i == 0 ? "%d" : ",%d", plugin->processes[i]);
    buffer_format(body, "],\"held\":%d", plugin->held);
    breaker_write(plugin, clock, body);
    buffer_append_text(body, ",\"outcomes\":{");
    for (int i = 0; i < STATUS_OUTCOMES; i++)
        buffer_format(body, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", status_outcome_text(i), plugin->outcomes[i]);
    buffer_append_text(body, "},\"restarts\":{");
    for (int i = 0; i < STATUS_RESTARTS; i++)
        buffer_format(body, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", status_restart_text(i), plugin->restarts[i]);
    buffer_append_text(body, "},\"service_ms\":");
    write_milliseconds(body, plugin->service_us);
}

/* The same members, of a plugin that nothing is known of, and why. */
static void unknown_write(const char *why, struct buffer *body) {
    buffer_append_text(body, ",\"running\":0,\"processes\":[],\"held\":0,\"breaker\":null,\"probe\":null,\"rate\":null,"
                             "\"why\":");
    write_text(body, why);
    buffer_append_text(body, ",\"outcomes\":{},\"restarts\":{},\"service_ms\":null");
}

static const struct store_tally *tally_find(const struct status *status, int number) {
    for (int i = 0; i < status->plugins.count; i++) {
        if (status->plugins.tallies[i].plugin == number)
            return &status->plugins.tallies[i];
    }
    return NULL;
}

static void plugins_write(const struct status *status, struct buffer *body) {
    const struct api *api = status->api;
    const char *separator = "";
    buffer_append_text(body, ",\n\"plugins\":[");
    for (int i = 0; i < api->setup->plugin_count; i++) {
        const struct setup_plugin *plugin = &api->setup->plugins[i];
        const struct plugin_status *running = running_find(status, api->plugin_numbers[i]);
        buffer_format(body, "%s\n{\"plugin\":", separator);
        write_text(body, plugin->name);
        buffer_append_text(body, ",\"state\":\"configured\",\"file\":");
        write_text(body, plugin->file);
        buffer_format(body, ",\"workers\":%d", (int)plugin->workers);
        if (running != NULL)
            running_write(running, &status->clock, body);
        else
            unknown_write("the daemon's main loop did not answer in time: what its workers do is not known", body);
        counts_write(tally_find(status, api->plugin_numbers[i]), body);
        buffer_append_text(body, "}");
        separator = ",";
    }
    for (int i = 0; i < status->plugins.count; i++) {
        const struct store_tally *tally = &status->plugins.tallies[i];
        if (tally->plugin == 0 || lookup_configured(api, tally->plugin) >= 0 ||
            tally->pending + tally->retrying + tally->dead == 0)
            continue;
        buffer_format(body, "%s\n{\"plugin\":", separator);
        write_text(body, tally->name);
        buffer_append_text(body, ",\"state\":\"parked\",\"file\":null,\"workers\":0");
        unknown_write("it is not in the config any more: its deliveries wait until it is, or until they are discarded",
                      body);
        counts_write(tally, body);
        buffer_append_text(body, "}");
        separator = ",";
    }
    buffer_append_text(body, "]");
}

/* ---- sources ---- */

static void sources_write(const struct api *api, struct buffer *body) {
    buffer_append_text(body, ",\n\"sources\":[");
    for (int i = 0; i < api->setup->source_count; i++) {
        uint64_t counts[ANSWER_COUNT] = { 0 }, refused = 0;
        for (int answer = 0; api->server != NULL && answer < ANSWER_COUNT; answer++) {
            counts[answer] = server_count(api->server, i, answer);
            refused += answer_row(answer)->status >= 400 ? counts[answer] : 0;
        }
        buffer_format(body, "%s\n{\"source\":", i == 0 ? "" : ",");
        write_text(body, api->setup->sources[i].name);
        buffer_append_text(body, ",\"path\":");
        write_text(body, api->setup->sources[i].path);
        buffer_format(body, ",\"accepted\":%" PRIu64 ",\"duplicate\":%" PRIu64 ",\"refused\":%" PRIu64 "}",
                      counts[ANSWER_ACCEPTED], counts[ANSWER_DUPLICATE] + counts[ANSWER_CONFLICT], refused);
    }
    buffer_append_text(body, "]");
}

/* False with the answer. */
static bool status_read(struct status *status, struct api_answer *answer) {
    struct store_reader *reader = lookup_reader(status->api, answer);
    bool read = reader != NULL && lookup_plugins_read(reader, &status->plugins, answer);
    if (read && !store_read_totals(reader, &status->totals)) {
        lookup_failed(answer);
        read = false;
    }
    store_reader_close(reader);
    if (!read)
        return false;
    store_health(status->api->store, &status->health);
    status->dispatch = calloc(1, sizeof *status->dispatch);
    if (status->dispatch != NULL &&
        (status->api->dispatch == NULL || !dispatch_ask(status->api->dispatch, status->dispatch, STATUS_PATIENCE_MS))) {
        free(status->dispatch);
        status->dispatch = NULL;
    }
    status->clock = write_clock_now(status->api->store);
    return true;
}

void status_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct status status = { .api = api };
    if (fields_of_query(request, NULL, 0, answer) && status_read(&status, answer)) {
        daemon_write(&status, &answer->body);
        store_write(&status, &answer->body);
        plugins_write(&status, &answer->body);
        sources_write(api, &answer->body);
        buffer_append_text(&answer->body, "}\n");
    }
    free(status.dispatch);
    lookup_plugins_free(&status.plugins);
}
