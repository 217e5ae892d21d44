#include "cli/replay_one.h"

#include <stdio.h>

#include "cli/plugins.h"

/* What the daemon tells of the event. */
struct told {
    struct buffer answer;
    struct json event; /* of that */
};

static bool event_read(struct told *told, const struct target *target, struct control *control, struct fault *fault) {
    struct buffer path = { 0 };
    buffer_append_text(&path, "/api/events/");
    buffer_append_percent_encoded(&path, bytes_of(target->source));
    buffer_append_text(&path, "/");
    buffer_append_percent_encoded(&path, bytes_of(target->id));
    bool good = control_get(control, buffer_text(&path), &told->answer, NULL, fault) &&
                answer_parse(&told->event, &told->answer, fault);
    buffer_free(&path);
    return good;
}

static void told_free(struct told *told) {
    buffer_free(&told->answer);
    json_free(&told->event);
}

struct search {
    struct bytes plugin;
    int64_t replay;
};

static bool replay_find(void *context, const struct json *delivery) {
    struct search *search = context;
    struct buffer text = { 0 };
    if (bytes_equal(answer_text(delivery, "/plugin", &text), search->plugin))
        search->replay = answer_number(delivery, "/replay");
    buffer_free(&text);
    return true;
}

/* What is sorted out of the event as it stands afterwards. */
struct outcome {
    const struct json *before;
    const char *plugin;  /* the only one that is meant, or null */
    struct buffer made;  /* names, each ended by a zero byte */
    struct buffer alone; /* "dead at email, retrying at logging" */
    struct buffer dead;  /* the name of one where it is dead */
};

static bool delivery_sort(void *context, const struct json *delivery) {
    struct outcome *outcome = context;
    struct buffer name = { 0 }, text = { 0 };
    struct fault fault;
    struct search search = { .plugin = answer_text(delivery, "/plugin", &name), .replay = -1 };
    bool meant = outcome->plugin == NULL || bytes_equal_text(search.plugin, outcome->plugin);
    answer_each(outcome->before, "/deliveries", replay_find, &search, &fault);
    struct bytes state = answer_text(delivery, "/state", &text);
    bool dead = bytes_equal_text(state, "dead");
    if (meant && answer_number(delivery, "/replay") > search.replay) {
        buffer_append(&outcome->made, buffer_text(&name), search.plugin.length + 1);
    } else if (meant && (dead || bytes_equal_text(state, "pending") || bytes_equal_text(state, "retrying"))) {
        buffer_format(&outcome->alone, "%s%s at %s", outcome->alone.length > 0 ? ", " : "", state.data,
                      buffer_text(&name));
        if (dead && outcome->dead.length == 0)
            buffer_append(&outcome->dead, search.plugin.data, search.plugin.length);
    }
    buffer_free(&name);
    buffer_free(&text);
    return true;
}

static void made_print(const struct batch *batch, struct outcome *outcome) {
    struct buffer names = { 0 };
    const char *name = outcome->made.data, *end = name + outcome->made.length;
    while (name < end) {
        struct bytes one = bytes_of(name);
        name += one.length + 1;
        plugins_name_append(&names, one, name == end);
    }
    printf("%lld deliver%s made%s%s", (long long)batch->changed, batch->changed == 1 ? "y was" : "ies were",
           names.length > 0 ? ", to " : "", buffer_text(&names));
    if (batch->skipped > 0)
        printf("; left alone: %s", outcome->alone.length > 0 ? buffer_text(&outcome->alone) : "what is open or dead");
    printf("\n");
    buffer_free(&names);
}

/* Nothing was done: how it stands, and what would be. */
static void alone_tell(struct outcome *outcome, const struct target *target, struct fault *fault) {
    if (outcome->alone.length == 0)
        fault_set(fault,
                  "%s/%s was still open or dead a moment ago, so nothing was done; see how it stands by `grapnel show`",
                  target->source, target->id);
    else if (outcome->dead.length > 0)
        fault_set(
            fault,
            "%s/%s is still %s, so nothing was done; `grapnel retry --plugin %s` delivers it again where it is dead",
            target->source, target->id, buffer_text(&outcome->alone), buffer_text(&outcome->dead));
    else
        fault_set(fault, "%s/%s is still %s, so nothing was done; `grapnel show` tells when it goes on", target->source,
                  target->id, buffer_text(&outcome->alone));
}

int replay_one(struct batch *batch, const struct target *target, const char *plugin, struct control *control,
               struct fault *fault) {
    struct told before = { 0 }, after = { 0 };
    struct outcome outcome = { .before = &before.event, .plugin = plugin };
    struct fault unseen = { .text = "" };
    int code = EXIT_DONE;
    if (!event_read(&before, target, control, fault) || !batch_ask(batch, control, fault))
        code = control_exit_code(control);
    /* What is done is done, even if nobody tells any more to whom. */
    if (code == EXIT_DONE && event_read(&after, target, control, &unseen))
        answer_each(&after.event, "/deliveries", delivery_sort, &outcome, &unseen);
    if (code == EXIT_DONE && batch->changed > 0) {
        made_print(batch, &outcome);
    } else if (code == EXIT_DONE) {
        code = EXIT_FAILED;
        if (batch->unrouted > 0)
            fault_set(fault, "no route of today's config takes this event; name one with --plugin");
        else
            alone_tell(&outcome, target, fault);
    }
    told_free(&before);
    told_free(&after);
    buffer_free(&outcome.made);
    buffer_free(&outcome.alone);
    buffer_free(&outcome.dead);
    return code;
}
