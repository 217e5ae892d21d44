#include "admin/letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/dead.h"
#include "admin/fields.h"
#include "admin/lookup.h"
#include "admin/order.h"
#include "admin/write.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    LETTERS_PLUGIN,
    LETTERS_SOURCE,
    LETTERS_ID,
    LETTERS_ALL,
    LETTERS_UNTIL,
    LETTERS_LIMIT,
    LETTERS_CURSOR,
    LETTERS_FIELDS
};

struct letters {
    const struct api *api;
    struct api_answer *answer;
    enum store_order_kind kind;
    const char *done_words; /* "put back" */
    struct field fields[LETTERS_FIELDS];
    struct store_reader *reader;
    int plugin;
    bool parked;
};

static bool letter_is_open(enum store_state state) {
    return state == STORE_STATE_PENDING || state == STORE_STATE_RETRYING;
}

/* ---- one ---- */

/* A command to copy; without its arguments where a shell could take the sender's id for something else. */
enum { COMMAND_SIZE = 320, COMMAND_ID_LIMIT = 128 };
static const char *command_words(const struct letters *letters, const char *command, bool with_plugin,
                                 char words[COMMAND_SIZE]) {
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:@%+=,/";
    const char *source = letters->fields[LETTERS_SOURCE].text, *id = letters->fields[LETTERS_ID].text;
    if (id[strspn(id, harmless)] != '\0' || strlen(id) > COMMAND_ID_LIMIT || source[strspn(source, harmless)] != '\0')
        snprintf(words, COMMAND_SIZE, "`grapnel %s`", command);
    else
        snprintf(words, COMMAND_SIZE, "`grapnel %s %.64s/%.128s%s%.64s`", command, source, id,
                 with_plugin ? " --plugin " : "", with_plugin ? letters->fields[LETTERS_PLUGIN].text : "");
    return words;
}

/* 409: why it is not what was asked for. `standing` null: there is no such delivery. */
static void answer_not_dead(struct letters *letters, const struct store_standing *standing) {
    const struct field *fields = letters->fields;
    const char *plugin = fields[LETTERS_PLUGIN].text, *source = fields[LETTERS_SOURCE].text;
    const char *id = fields[LETTERS_ID].text;
    char at[CLOCK_TEXT_SIZE] = "", command[COMMAND_SIZE];
    if (standing != NULL)
        clock_format(standing->at_ms, at);
    if (standing == NULL)
        api_refuse(letters->answer, 409, "%s/%s was not routed to \"%s\"; %s would deliver it there", source, id,
                   plugin, command_words(letters, "replay", true, command));
    else if (letter_is_open(standing->state))
        api_refuse(letters->answer, 409,
                   "%s/%s is not dead at \"%s\": it is %s, %d attempts made so far; %s tells more", source, id, plugin,
                   store_state_text(standing->state), standing->attempts,
                   command_words(letters, "show", false, command));
    else
        api_refuse(letters->answer, 409, "%s/%s is not dead at \"%s\": it is %s since %s; %s delivers it again", source,
                   id, plugin, store_state_text(standing->state), at, command_words(letters, "replay", true, command));
}

static const struct store_standing *standing_find(const struct store_story *story, int plugin) {
    for (int i = 0; i < story->listed.standing_count; i++) {
        if (story->listed.standings[i].plugin == plugin)
            return &story->listed.standings[i];
    }
    return NULL;
}

/* What kind of order does what is asked to a delivery that stands so? False: none does. */
static bool kind_for(const struct letters *letters, const struct store_standing *standing,
                     enum store_order_kind *kind) {
    *kind = letters->kind;
    if (standing != NULL && standing->state == STORE_STATE_DEAD)
        return true;
    *kind = STORE_ORDER_DISCARD_OPEN;
    return standing != NULL && letter_is_open(standing->state) && letters->parked &&
           letters->kind == STORE_ORDER_DISCARD;
}

static void one_changed(const struct letters *letters) {
    const struct field *fields = letters->fields;
    const struct log_field about[] = { log_text(LOG_PLUGIN, fields[LETTERS_PLUGIN].text),
                                       log_text(LOG_SOURCE, fields[LETTERS_SOURCE].text),
                                       log_text(LOG_ID, fields[LETTERS_ID].text) };
    log_event(letters->api->log, LOG_LEVEL_INFO, NULL, about, sizeof about / sizeof *about,
              "plugin \"%s\": %s/%s was %s by an operator", fields[LETTERS_PLUGIN].text, fields[LETTERS_SOURCE].text,
              fields[LETTERS_ID].text, letters->done_words);
    buffer_append_text(&letters->answer->body, "{\"changed\":1,\"skipped\":0,\"until\":null,\"cursor\":null}\n");
}

/* Looks how the delivery stands, and gives the order. True if that was that, with the answer; false if another was quicker. */
static bool one_try(struct letters *letters, const struct store_target *target) {
    enum store_order_kind kind;
    int changed = 0;
    bool failed = false;
    const struct store_story *story = store_read_story(letters->reader, target->event, &failed);
    const struct store_standing *standing = story != NULL ? standing_find(story, target->plugin) : NULL;
    if (failed)
        lookup_failed(letters->answer);
    else if (story == NULL)
        api_refuse(letters->answer, 404, "the event is not there any more: it was deleted a moment ago");
    else if (!kind_for(letters, standing, &kind))
        answer_not_dead(letters, standing);
    else if (!order_give(letters->api, kind, target, 1, &changed, letters->answer))
        return true;
    else if (changed > 0)
        one_changed(letters);
    else
        return false;
    return true;
}

static void one_answer(struct letters *letters) {
    const struct field *fields = letters->fields;
    struct store_target target = { .plugin = letters->plugin };
    target.event = lookup_event(letters->api, letters->reader, fields[LETTERS_SOURCE].text, fields[LETTERS_ID].text,
                                letters->answer);
    if (target.event == 0)
        return;
    /* Twice: when another was quicker, it is told how the delivery stands now. */
    if (!one_try(letters, &target) && !one_try(letters, &target))
        api_refuse(letters->answer, 409, "others change %s/%s at the same time: look how it stands now",
                   fields[LETTERS_SOURCE].text, fields[LETTERS_ID].text);
}

/* ---- all, a page at a time ---- */

struct page {
    struct store_target targets[STORE_ORDER_LIMIT];
    int count;
};

static void letter_told(void *context, const struct store_dead *dead) {
    struct page *page = context;
    if (page->count < STORE_ORDER_LIMIT)
        page->targets[page->count++] = (struct store_target){ dead->event, dead->standing->plugin };
}

static void page_write(struct letters *letters, int changed, int skipped, int64_t until_ms,
                       const struct store_cursor *cursor, bool open) {
    struct buffer *body = &letters->answer->body;
    char text[DEAD_CURSOR_SIZE];
    buffer_format(body, "{\"changed\":%d,\"skipped\":%d,\"until\":", changed, skipped);
    write_time(body, until_ms);
    buffer_append_text(body, ",\"cursor\":");
    dead_cursor_format(cursor, open, text);
    write_text(body, cursor->over ? NULL : text);
    buffer_append_text(body, "}\n");
}

/* Letters that die after `until` don't count: while a plugin goes on failing, a retry of all would have no end. */
static void all_answer(struct letters *letters) {
    const struct field *fields = letters->fields;
    int64_t until_ms = fields[LETTERS_UNTIL].given ? fields[LETTERS_UNTIL].number : clock_wall_ms();
    struct store_cursor cursor = { 0 };
    struct page *page = calloc(1, sizeof *page);
    bool open = false;
    int changed;
    if (page == NULL) {
        api_refuse(letters->answer, 503, "not enough memory; nothing was changed");
        return;
    }
    bool good = !fields[LETTERS_CURSOR].given ||
                dead_cursor_parse(fields[LETTERS_CURSOR].text, &cursor, &open, letters->answer);
    bool takes_open = letters->parked && letters->kind == STORE_ORDER_DISCARD;
    if (good && open && !takes_open) {
        api_refuse(letters->answer, 409,
                   "the plugin \"%s\" is in the config again: its open deliveries are not discarded",
                   fields[LETTERS_PLUGIN].text);
        good = false;
    }
    if (good && !store_list_dead(letters->reader, letters->plugin, open, open ? INT64_MAX : until_ms,
                                 (int)fields[LETTERS_LIMIT].number, &cursor, letter_told, page)) {
        lookup_failed(letters->answer);
        good = false;
    }
    if (good && order_give(letters->api, open ? STORE_ORDER_DISCARD_OPEN : letters->kind, page->targets, page->count,
                           &changed, letters->answer)) {
        if (changed > 0)
            log_info(letters->api->log, "plugin \"%s\": %d %s %s by an operator", fields[LETTERS_PLUGIN].text, changed,
                     changed == 1 ? open ? "parked delivery was" : "dead letter was"
                     : open       ? "parked deliveries were"
                                  : "dead letters were",
                     letters->done_words);
        if (cursor.over && !open && takes_open) {
            cursor = (struct store_cursor){ 0 };
            open = true;
        }
        page_write(letters, changed, page->count - changed, until_ms, &cursor, open);
    }
    free(page);
}

/* ---- the question ---- */

/* False with the answer: what is missing, or contradicts itself. */
static bool fields_check(struct letters *letters) {
    const struct field *fields = letters->fields;
    bool all = fields[LETTERS_ALL].number != 0, one = fields[LETTERS_SOURCE].given && fields[LETTERS_ID].given;
    bool paging = fields[LETTERS_UNTIL].given || fields[LETTERS_LIMIT].given || fields[LETTERS_CURSOR].given;
    const char *wrong = NULL;
    if (!fields[LETTERS_PLUGIN].given)
        wrong = "the member plugin is missing: of which plugin?";
    else if (all && (fields[LETTERS_SOURCE].given || fields[LETTERS_ID].given))
        wrong = "all, and one by its source and id: say either";
    else if (!all && !one)
        wrong = "which one? Say source and id, or \"all\": true";
    else if (!all && paging)
        wrong = "until, limit and cursor are for all, not for one";
    if (wrong != NULL)
        api_refuse(letters->answer, 400, "%s", wrong);
    return wrong == NULL;
}

static bool plugin_check(struct letters *letters) {
    const char *name = letters->fields[LETTERS_PLUGIN].text;
    letters->plugin = lookup_plugin(letters->reader, name, letters->answer);
    if (letters->plugin == 0)
        return false;
    letters->parked = lookup_configured(letters->api, letters->plugin) < 0;
    if (!letters->parked || letters->kind != STORE_ORDER_RETRY)
        return true;
    api_refuse(letters->answer, 409,
               "the plugin \"%s\" is not in the config: nothing would deliver them; put it back there, or discard them",
               name);
    return false;
}

static void letters_answer(const struct api *api, const struct api_request *request, enum store_order_kind kind,
                           const char *done_words, struct api_answer *answer) {
    struct letters letters = {
        .api = api,
        .answer = answer,
        .kind = kind,
        .done_words = done_words,
        .fields = { [LETTERS_PLUGIN] = { .name = "plugin" },
                    [LETTERS_SOURCE] = { .name = "source" },
                    [LETTERS_ID] = { .name = "id" },
                    [LETTERS_ALL] = { .name = "all", .kind = FIELD_FLAG },
                    [LETTERS_UNTIL] = { .name = "until", .kind = FIELD_TIME },
                    [LETTERS_LIMIT] = { .name = "limit", .kind = FIELD_LIMIT, .number = STORE_ORDER_LIMIT },
                    [LETTERS_CURSOR] = { .name = "cursor" } },
    };
    struct json json = { 0 };
    if (fields_of_query(request, NULL, 0, answer) && fields_body(request, &json, answer) &&
        fields_of_object(&json, "", letters.fields, LETTERS_FIELDS, answer) && fields_check(&letters) &&
        (letters.reader = lookup_reader(api, answer)) != NULL && plugin_check(&letters)) {
        if (letters.fields[LETTERS_ALL].number != 0)
            all_answer(&letters);
        else
            one_answer(&letters);
    }
    store_reader_close(letters.reader);
    json_free(&json);
}

void retry_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    letters_answer(api, request, STORE_ORDER_RETRY, "put back", answer);
}

void discard_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    letters_answer(api, request, STORE_ORDER_DISCARD, "discarded", answer);
}
