#include "admin/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "config/setup.h"

struct store_reader *lookup_reader(const struct api *api, struct api_answer *answer) {
    struct fault why = { .text = "" };
    struct store_reader *reader = store_reader_open(api->store, &why);
    if (reader == NULL)
        api_refuse(answer, 503, "the store can't be read now: %s", why.text);
    return reader;
}

void lookup_failed(struct api_answer *answer) {
    api_refuse(answer, 503, "reading the store failed; the daemon's log has the reason");
}

bool lookup_plugins_read(struct store_reader *reader, struct lookup_plugins *plugins, struct api_answer *answer) {
    plugins->tallies = calloc(LOOKUP_PLUGIN_LIMIT, sizeof *plugins->tallies);
    if (plugins->tallies == NULL) {
        api_refuse(answer, 503, "not enough memory for the answer");
        return false;
    }
    plugins->count = store_read_tallies(reader, plugins->tallies, LOOKUP_PLUGIN_LIMIT);
    if (plugins->count < 0)
        lookup_failed(answer);
    return plugins->count >= 0;
}

void lookup_plugins_free(struct lookup_plugins *plugins) {
    free(plugins->tallies);
    *plugins = (struct lookup_plugins){ 0 };
}

const char *lookup_plugin_name(const struct lookup_plugins *plugins, int number) {
    for (int i = 0; i < plugins->count; i++) {
        if (plugins->tallies[i].plugin == number)
            return plugins->tallies[i].name;
    }
    return NULL;
}

static int plugin_find(const struct lookup_plugins *plugins, const char *name, struct api_answer *answer) {
    const char **names = calloc((size_t)plugins->count + 1, sizeof *names);
    char meant[API_MEANT_SIZE] = "";
    int number = 0;
    for (int i = 0; i < plugins->count && number == 0; i++) {
        if (strcmp(plugins->tallies[i].name, name) == 0)
            number = plugins->tallies[i].plugin;
        else if (names != NULL)
            names[i] = plugins->tallies[i].name;
    }
    if (number == 0)
        api_refuse(answer, 404, "there is no plugin \"%s\", and there never was%s", name,
                   names != NULL ? api_meant(name, names, meant) : "");
    free(names);
    return number;
}

int lookup_plugin(struct store_reader *reader, const char *name, struct api_answer *answer) {
    struct lookup_plugins plugins = { 0 };
    int number = 0;
    if (lookup_plugins_read(reader, &plugins, answer))
        number = plugin_find(&plugins, name, answer);
    lookup_plugins_free(&plugins);
    return number;
}

int lookup_configured(const struct api *api, int number) {
    for (int i = 0; i < api->setup->plugin_count; i++) {
        if (api->plugin_numbers[i] == number)
            return i;
    }
    return -1;
}

bool lookup_source_is_configured(const struct api *api, const char *source) {
    return setup_source_by_name(api->setup, source) != NULL;
}

void lookup_no_source(const struct api *api, const char *source, struct api_answer *answer) {
    const char *names[SETUP_SOURCE_LIMIT + 1] = { 0 };
    char meant[API_MEANT_SIZE];
    for (int i = 0; i < api->setup->source_count && i < SETUP_SOURCE_LIMIT; i++)
        names[i] = api->setup->sources[i].name;
    api_refuse(answer, 404, "there is no source \"%s\", and no event of it%s", source, api_meant(source, names, meant));
}

int64_t lookup_event(const struct api *api, struct store_reader *reader, const char *source, const char *id,
                     struct api_answer *answer) {
    int64_t number = store_find(reader, bytes_of(source), bytes_of(id));
    if (number < 0)
        lookup_failed(answer);
    else if (number == 0 && !lookup_source_is_configured(api, source))
        lookup_no_source(api, source, answer);
    else if (number == 0)
        api_refuse(answer, 404,
                   "there is no event \"%s\" of source \"%s\": it never came, or it was kept as long as `retain:` says",
                   id, source);
    return number > 0 ? number : 0;
}

/* -1 with the answer. */
static int state_find(const char *text, struct api_answer *answer) {
    const char *names[STORE_STATES + 1] = { 0 };
    char meant[API_MEANT_SIZE];
    for (int i = 0; i < STORE_STATES; i++) {
        names[i] = store_state_text(i);
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    api_refuse(answer, 400,
               "there is no state \"%.100s\"%s; there are: pending, retrying, dead, done, discarded, unrouted", text,
               api_meant(text, names, meant));
    return -1;
}

bool lookup_filter(const struct field *fields, struct store_filter *filter, struct api_answer *answer) {
    *filter = (struct store_filter){ .state = -1 };
    if (fields[LOOKUP_SOURCE].given)
        filter->source = bytes_of(fields[LOOKUP_SOURCE].text);
    if (fields[LOOKUP_TYPE].given)
        filter->type = fields[LOOKUP_TYPE].text;
    if (fields[LOOKUP_SINCE].given)
        filter->since_ms = fields[LOOKUP_SINCE].number;
    if (fields[LOOKUP_STATE].given)
        filter->state = state_find(fields[LOOKUP_STATE].text, answer);
    return !fields[LOOKUP_STATE].given || filter->state >= 0;
}
