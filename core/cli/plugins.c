#include "cli/plugins.h"

#include "base/clock.h"
#include "cli/words.h"

bool plugins_read(struct plugins *plugins, struct control *control, struct fault *fault) {
    return control_get(control, "/api/status", &plugins->answer, NULL, fault) &&
           answer_parse(&plugins->status, &plugins->answer, fault);
}

void plugins_free(struct plugins *plugins) {
    buffer_free(&plugins->answer);
    json_free(&plugins->status);
}

struct search {
    struct bytes name;
    struct plugin_counts counts;
};

static bool plugin_match(void *context, const struct json *plugin) {
    struct search *search = context;
    struct buffer text = { 0 };
    if (bytes_equal(answer_text(plugin, "/plugin", &text), search->name))
        search->counts =
            (struct plugin_counts){ .found = true,
                                    .parked = bytes_equal_text(answer_text(plugin, "/state", &text), "parked"),
                                    .dead = answer_number(plugin, "/dead"),
                                    .open = answer_number(plugin, "/pending") + answer_number(plugin, "/retrying") };
    buffer_free(&text);
    return true;
}

struct plugin_counts plugins_count(const struct plugins *plugins, struct bytes name) {
    struct search search = { .name = name };
    struct fault fault;
    answer_each(&plugins->status, "/plugins", plugin_match, &search, &fault);
    return search.counts;
}

struct wait {
    struct bytes name;
    struct buffer *words;
};

static bool plugin_wait(void *context, const struct json *plugin) {
    struct wait *wait = context;
    struct buffer text = { 0 };
    char distance[WORDS_SIZE];
    bool ours = bytes_equal(answer_text(plugin, "/plugin", &text), wait->name);
    struct bytes breaker = ours ? answer_text(plugin, "/breaker", &text) : bytes_of("");
    if (breaker.length > 0 && !bytes_equal_text(breaker, "closed")) {
        buffer_append_text(wait->words, bytes_equal_text(breaker, "open") ? "breaker " : "");
        buffer_append(wait->words, breaker.data, breaker.length);
        if (answer_has(plugin, "/rate"))
            buffer_format(wait->words, ", %lld/s", (long long)answer_number(plugin, "/rate"));
        if (answer_has(plugin, "/probe"))
            buffer_format(wait->words, ", probe %s",
                          words_distance(answer_text(plugin, "/probe", &text), clock_wall_ms(), distance));
        if (answer_has(plugin, "/why"))
            buffer_format(wait->words, ": %s", answer_text(plugin, "/why", &text).data);
    }
    buffer_free(&text);
    return true;
}

void plugins_wait_words(const struct plugins *plugins, struct bytes name, struct buffer *words) {
    struct wait wait = { name, words };
    struct fault fault;
    answer_each(&plugins->status, "/plugins", plugin_wait, &wait, &fault);
}

struct naming {
    struct buffer *names, waiting; /* one waits until it is known whether it is the last */
};

static bool plugin_name(void *context, const struct json *plugin) {
    struct naming *naming = context;
    struct buffer text = { 0 };
    if (bytes_equal_text(answer_text(plugin, "/state", &text), "configured")) {
        if (naming->waiting.length > 0)
            plugins_name_append(naming->names, (struct bytes){ naming->waiting.data, naming->waiting.length }, false);
        answer_text(plugin, "/plugin", &naming->waiting);
    }
    buffer_free(&text);
    return true;
}

void plugins_names(const struct plugins *plugins, struct buffer *names) {
    struct naming naming = { .names = names };
    struct fault fault;
    answer_each(&plugins->status, "/plugins", plugin_name, &naming, &fault);
    if (naming.waiting.length > 0)
        plugins_name_append(names, (struct bytes){ naming.waiting.data, naming.waiting.length }, true);
    buffer_free(&naming.waiting);
}

void plugins_name_append(struct buffer *names, struct bytes name, bool last) {
    buffer_append_text(names, names->length == 0 ? "" : last ? " and " : ", ");
    buffer_append(names, name.data, name.length);
}
