/* Finding what a question names: the store's reader, plugins, sources, states. Each says what is wrong in the answer when it is not there. */
#ifndef ADMIN_LOOKUP_H
#define ADMIN_LOOKUP_H

#include "admin/api.h"
#include "admin/fields.h"
#include "store/store.h"

/* A reader for one question, closed by the caller. None is kept for the next one: opening it and preparing what it asks takes 0.3 ms, less
 * than the question's own way over HTTP, and so there is nothing that threads share, and nothing idle that has memory or files. Null with
 * the answer. */
struct store_reader *lookup_reader(const struct api *api, struct api_answer *answer);
/* Reading failed, and the log has the reason. */
void lookup_failed(struct api_answer *answer);

/* Every plugin that was ever configured. Zero-initialise; lookup_plugins_free at the end. */
struct lookup_plugins {
    struct store_tally *tallies;
    int count;
};
enum { LOOKUP_PLUGIN_LIMIT = 1024 };
bool lookup_plugins_read(struct store_reader *reader, struct lookup_plugins *plugins, struct api_answer *answer);
void lookup_plugins_free(struct lookup_plugins *plugins);
const char *lookup_plugin_name(const struct lookup_plugins *plugins, int number); /* null if there is none */
/* The number of a plugin by its name, configured or not; 0 with the answer 404. */
int lookup_plugin(struct store_reader *reader, const char *name, struct api_answer *answer);
/* Its index in the setup; -1: its deliveries are parked. */
int lookup_configured(const struct api *api, int number);

/* 404, with the source that was probably meant. */
void lookup_no_source(const struct api *api, const char *source, struct api_answer *answer);
bool lookup_source_is_configured(const struct api *api, const char *source);
/* The number of the event; 0 with the answer 404. */
int64_t lookup_event(const struct api *api, struct store_reader *reader, const char *source, const char *id,
                     struct api_answer *answer);

/* Which events: the same in a query and in a body. */
enum { LOOKUP_SOURCE, LOOKUP_TYPE, LOOKUP_STATE, LOOKUP_SINCE, LOOKUP_FIELDS };
/* clang-format off */
#define LOOKUP_FIELD_ROWS                                          \
    [LOOKUP_SOURCE] = { .name = "source" },                        \
    [LOOKUP_TYPE] = { .name = "type" },                            \
    [LOOKUP_STATE] = { .name = "state" },                          \
    [LOOKUP_SINCE] = { .name = "since", .kind = FIELD_TIME }
/* clang-format on */
/* The filter is a view of the fields. False with the answer: there is no such state. */
bool lookup_filter(const struct field *fields, struct store_filter *filter, struct api_answer *answer);

#endif
