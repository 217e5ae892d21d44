/* What a question says more precisely: the parameters of its query, or the members of its JSON body. Each function of a row has a table of
 * those that it takes; anything else is refused, with what was probably meant. */
#ifndef ADMIN_FIELDS_H
#define ADMIN_FIELDS_H

#include "admin/api.h"
#include "event/json.h"

enum field_kind {
    FIELD_TEXT,
    FIELD_TIME, /* 2026-01-31T12:00:00.000Z, unix seconds, or a duration back from now: 2h; `number` is unix milliseconds */
    FIELD_NUMBER, /* 0 or more */
    FIELD_LIMIT,  /* 1 … API_PAGE_LIMIT */
    FIELD_FLAG,   /* true or false, `number` is 1 or 0; in a body only */
    FIELD_OBJECT, /* in a body only, for a table of its own */
};
enum { API_PAGE_LIMIT = 500, API_PAGE_DEFAULT = 50, FIELD_TEXT_SIZE = 1024 };

struct field {
    const char *name;
    enum field_kind kind;
    bool given; /* not, if it is null in a body; a text is never empty */
    char text[FIELD_TEXT_SIZE];
    int64_t number; /* of all but texts; what it was before, if it was not given */
};

/* False, with the answer. */
bool fields_of_query(const struct api_request *request, struct field *fields, int count, struct api_answer *answer);
/* Parses the body: the json is for fields_of_object, and to be freed in either case. */
bool fields_body(const struct api_request *request, struct json *json, struct api_answer *answer);
/* The members of the object at the pointer ("" is the whole body). */
bool fields_of_object(const struct json *json, const char *pointer, struct field *fields, int count,
                      struct api_answer *answer);

/* `; did you mean "NAME"?`, or "" when no name of the list (ended by null) is near. */
enum { API_MEANT_SIZE = 160 };
const char *api_meant(const char *text, const char *const *names, char meant[API_MEANT_SIZE]);

#endif
