#include "admin/replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin/fields.h"
#include "admin/lookup.h"
#include "admin/order.h"
#include "admin/write.h"
#include "base/log.h"
#include "config/setup.h"

enum {
    REPLAY_SOURCE,
    REPLAY_ID,
    REPLAY_PLUGIN,
    REPLAY_FILTER,
    REPLAY_UNTIL,
    REPLAY_LIMIT,
    REPLAY_CURSOR,
    REPLAY_FIELDS
};

struct replay {
    const struct api *api;
    struct api_answer *answer;
    struct field fields[REPLAY_FIELDS];
    struct store_reader *reader;
    int plugin; /* 0: by the routes */
    int state;  /* the filter's; -1: any */
    /* Of one order, which is all that one request does. */
    struct store_target targets[STORE_ORDER_LIMIT];
    int count, unrouted;
    int64_t until;      /* the last event that counts */
    int64_t stopped_at; /* the first that does not fit into the order any more; 0: all did */
    bool over;          /* the events behind `until` were reached */
};

/* A state is that of the plugin's own delivery: what is done there is not done again because it is dead at another. Where there was none
 * yet, the event's counts. */
static bool target_is_meant(const struct replay *replay, const struct store_listed *listed, int plugin) {
    for (int i = 0; replay->state >= 0 && i < listed->standing_count; i++) {
        if (listed->standings[i].plugin == plugin)
            return (int)listed->standings[i].state == replay->state;
    }
    return true;
}

/* The event's targets; false if they don't fit into the order any more. */
static bool event_take(struct replay *replay, const struct store_listed *listed) {
    int plugins[SETUP_PLUGIN_LIMIT], count = 1;
    if (replay->plugin == 0) {
        count = setup_route_event(replay->api->setup, listed->source, listed->type, plugins);
        for (int i = 0; i < count; i++)
            plugins[i] = replay->api->plugin_numbers[plugins[i]];
    } else {
        plugins[0] = replay->plugin;
    }
    if (count > STORE_ORDER_LIMIT - replay->count)
        return false;
    for (int i = 0; i < count; i++) {
        if (target_is_meant(replay, listed, plugins[i]))
            replay->targets[replay->count++] = (struct store_target){ listed->number, plugins[i] };
    }
    replay->unrouted += count == 0;
    return true;
}

static void replay_write(struct replay *replay, int64_t cursor) {
    struct buffer *body = &replay->answer->body;
    int changed;
    if (!order_give(replay->api, STORE_ORDER_REPLAY, replay->targets, replay->count, &changed, replay->answer))
        return;
    if (changed > 0)
        log_info(replay->api->log, "%d deliver%s made anew by an operator (replay)", changed,
                 changed == 1 ? "y was" : "ies were");
    buffer_format(body, "{\"changed\":%d,\"skipped\":%d,\"unrouted\":%d,\"until\":", changed, replay->count - changed,
                  replay->unrouted);
    if (replay->until > 0)
        buffer_format(body, "%" PRId64 ",\"cursor\":", replay->until);
    else
        buffer_append_text(body, "null,\"cursor\":");
    if (cursor > 0)
        buffer_format(body, "\"%" PRId64 "\"}\n", cursor);
    else
        buffer_append_text(body, "null}\n");
}

/* ---- one ---- */

static void one_answer(struct replay *replay) {
    const struct field *fields = replay->fields;
    int64_t number =
        lookup_event(replay->api, replay->reader, fields[REPLAY_SOURCE].text, fields[REPLAY_ID].text, replay->answer);
    if (number == 0)
        return;
    bool failed = false;
    const struct store_story *story = store_read_story(replay->reader, number, &failed);
    if (story == NULL && failed)
        lookup_failed(replay->answer);
    else if (story == NULL)
        api_refuse(replay->answer, 404, "the event is not there any more: it was deleted a moment ago");
    else {
        event_take(replay, &story->listed);
        replay_write(replay, 0);
    }
}

/* ---- by a filter ---- */

static void event_told(void *context, const struct store_listed *listed) {
    struct replay *replay = context;
    if (replay->over || replay->stopped_at != 0)
        return;
    replay->over = listed->number > replay->until;
    if (!replay->over && !event_take(replay, listed))
        replay->stopped_at = listed->number;
}

static void newest_told(void *context, const struct store_listed *listed) {
    *(int64_t *)context = listed->number;
}

/* Events that come while it goes on don't count. */
static bool until_find(struct replay *replay) {
    static const struct store_filter any = { .state = -1 };
    int64_t cursor = 0;
    replay->until = replay->fields[REPLAY_UNTIL].number;
    if (replay->fields[REPLAY_UNTIL].given ||
        store_list_events(replay->reader, &any, false, 1, &cursor, newest_told, &replay->until))
        return true;
    lookup_failed(replay->answer);
    return false;
}

/* `source`: the filter's. */
static void filter_answer(struct replay *replay, const struct store_filter *filter, const struct field *source) {
    const struct field *fields = replay->fields;
    int64_t cursor = fields[REPLAY_CURSOR].number;
    if (!until_find(replay))
        return;
    if (!store_list_events(replay->reader, filter, true, (int)fields[REPLAY_LIMIT].number, &cursor, event_told,
                           replay)) {
        lookup_failed(replay->answer);
        return;
    }
    if (replay->stopped_at != 0)
        cursor = replay->stopped_at;
    bool over = replay->over || cursor <= 0 || cursor > replay->until;
    bool nothing = over && replay->count == 0 && replay->unrouted == 0 && !fields[REPLAY_CURSOR].given;
    if (nothing && source->given && !lookup_source_is_configured(replay->api, source->text))
        lookup_no_source(replay->api, source->text, replay->answer);
    else
        replay_write(replay, over ? 0 : cursor);
}

/* ---- the question ---- */

static bool fields_check(struct replay *replay) {
    const struct field *fields = replay->fields;
    bool one = fields[REPLAY_SOURCE].given && fields[REPLAY_ID].given;
    bool paging = fields[REPLAY_UNTIL].given || fields[REPLAY_LIMIT].given || fields[REPLAY_CURSOR].given;
    const char *wrong = NULL;
    if (fields[REPLAY_FILTER].given && (fields[REPLAY_SOURCE].given || fields[REPLAY_ID].given))
        wrong =
            "a filter, and one event by its source and id: say either (a source to filter by belongs into the filter)";
    else if (!fields[REPLAY_FILTER].given && !one)
        wrong = "which one? Say source and id, or a filter";
    else if (one && paging)
        wrong = "until, limit and cursor are for a filter, not for one event";
    if (wrong != NULL)
        api_refuse(replay->answer, 400, "%s", wrong);
    return wrong == NULL;
}

/* The filter's own members; each event that there is would be too much for a slip. */
static bool filter_read(struct replay *replay, const struct json *json, struct field *fields,
                        struct store_filter *filter) {
    if (!replay->fields[REPLAY_FILTER].given)
        return true;
    if (!fields_of_object(json, "/filter", fields, LOOKUP_FIELDS, replay->answer) ||
        !lookup_filter(fields, filter, replay->answer))
        return false;
    for (int i = 0; i < LOOKUP_FIELDS; i++) {
        if (fields[i].given)
            return true;
    }
    api_refuse(replay->answer, 400, "the filter is empty: say at least one of source, type, state, since");
    return false;
}

static bool plugin_check(struct replay *replay) {
    const struct field *field = &replay->fields[REPLAY_PLUGIN];
    if (!field->given)
        return true;
    replay->plugin = lookup_plugin(replay->reader, field->text, replay->answer);
    if (replay->plugin == 0)
        return false;
    if (lookup_configured(replay->api, replay->plugin) >= 0)
        return true;
    api_refuse(replay->answer, 409,
               "the plugin \"%s\" is not in the config: nothing would deliver it; put it back there", field->text);
    return false;
}

static void replay_read_and_answer(struct replay *replay, const struct json *json) {
    struct field fields[LOOKUP_FIELDS] = { LOOKUP_FIELD_ROWS };
    struct store_filter filter = { .state = -1 };
    if (!fields_of_object(json, "", replay->fields, REPLAY_FIELDS, replay->answer) || !fields_check(replay) ||
        !filter_read(replay, json, fields, &filter) ||
        (replay->reader = lookup_reader(replay->api, replay->answer)) == NULL)
        return;
    replay->state = filter.state;
    if (plugin_check(replay)) {
        if (replay->fields[REPLAY_FILTER].given)
            filter_answer(replay, &filter, &fields[LOOKUP_SOURCE]);
        else
            one_answer(replay);
    }
    store_reader_close(replay->reader);
}

void replay_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct json json = { 0 };
    struct replay *replay = malloc(sizeof *replay);
    if (replay == NULL) {
        api_refuse(answer, 503, "not enough memory; nothing was changed");
        return;
    }
    *replay = (struct replay){
        .api = api,
        .answer = answer,
        .state = -1,
        .fields = { [REPLAY_SOURCE] = { .name = "source" },
                    [REPLAY_ID] = { .name = "id" },
                    [REPLAY_PLUGIN] = { .name = "plugin" },
                    [REPLAY_FILTER] = { .name = "filter", .kind = FIELD_OBJECT },
                    [REPLAY_UNTIL] = { .name = "until", .kind = FIELD_NUMBER },
                    [REPLAY_LIMIT] = { .name = "limit", .kind = FIELD_LIMIT, .number = API_PAGE_LIMIT },
                    [REPLAY_CURSOR] = { .name = "cursor", .kind = FIELD_NUMBER } },
    };
    if (fields_of_query(request, NULL, 0, answer) && fields_body(request, &json, answer))
        replay_read_and_answer(replay, &json);
    json_free(&json);
    free(replay);
}
