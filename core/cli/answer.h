/* Reading what the daemon answered: JSON of whose form we know much, and of whose contents we believe nothing. */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "event/json.h"

/* The value at `pointer`: a string's contents, or a number as it stands; "" for anything else, and for what is not there. It replaces
 * what is in `text`, and lives as long. */
struct bytes answer_text(const struct json *json, const char *pointer, struct buffer *text);
/* 0 for what is no whole number. */
int64_t answer_number(const struct json *json, const char *pointer);
/* Is there a value other than null? */
bool answer_has(const struct json *json, const char *pointer);

/* Calls `member` for each member of the list at `pointer`, as a JSON text of its own, until it returns false. False with the reason: there is
 * no list, or memory is short; or what `member` returned. */
typedef bool answer_member(void *context, const struct json *json);
bool answer_each(const struct json *json, const char *pointer, answer_member *member, void *context,
                 struct fault *fault);

/* Parses an answer; false with words that say that it is the answer which can't be read. */
bool answer_parse(struct json *json, const struct buffer *answer, struct fault *fault);

/* Appends "NAME":"VALUE" to a question's members, behind a comma if others are there; nothing for a null value. */
void question_text(struct buffer *members, const char *name, const char *value);

#endif
