#include "admin/fields.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

enum { FIELD_LIMIT_OF_NAMES = 16, FIELD_NAME_SIZE = 64 };

const char *api_meant(const char *text, const char *const *names, char meant[API_MEANT_SIZE]) {
    const char *near = nearest_name(text, names);
    meant[0] = '\0';
    if (near != NULL)
        snprintf(meant, API_MEANT_SIZE, "; did you mean \"%s\"?", near);
    return meant;
}

/* `where` is "parameter" or "member of the body", for the words. */
static struct field *field_find(struct field *fields, int count, struct bytes name, const char *where,
                                struct api_answer *answer) {
    const char *names[FIELD_LIMIT_OF_NAMES + 1] = { 0 };
    char text[FIELD_NAME_SIZE], meant[API_MEANT_SIZE], list[512] = "";
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        if (bytes_equal_text(name, fields[i].name))
            return &fields[i];
        if (i < FIELD_LIMIT_OF_NAMES)
            names[i] = fields[i].name;
        if (length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : ", ", fields[i].name);
    }
    name = bytes_cut(name, sizeof text - 1);
    memcpy(text, name.data, name.length);
    text[name.length] = '\0';
    api_meant(text, names, meant);
    api_refuse(answer, 400, "unknown %s \"%s\"%s%s%s", where, text, meant,
               count > 0 ? (meant[0] != '\0' ? " There is: " : "; there is: ") : "; there is none", list);
    return NULL;
}

static bool time_read(const char *text, int64_t *wall_ms) {
    int64_t ms, now = clock_wall_ms();
    if (clock_parse(text, wall_ms))
        return true;
    if (integer_parse(text, &ms) && ms >= 0 && ms <= INT64_MAX / 1000)
        *wall_ms = ms * 1000;
    else if (duration_parse(text, &ms) && ms >= 0)
        *wall_ms = ms < now ? now - ms : 0;
    else
        return false;
    return true;
}

/* field->text to field->number, by its kind. */
static bool field_read(struct field *field, struct api_answer *answer) {
    const char *wanted = NULL;
    field->given = true;
    switch (field->kind) {
    case FIELD_TEXT:
        break;
    case FIELD_TIME:
        if (!time_read(field->text, &field->number))
            wanted = "a time like 2026-01-31T12:00:00Z, unix seconds, or how long ago, like 2h";
        break;
    case FIELD_NUMBER:
        if (!integer_parse(field->text, &field->number) || field->number < 0)
            wanted = "a whole number, 0 or more";
        break;
    case FIELD_LIMIT:
        if (!integer_parse(field->text, &field->number) || field->number < 1 || field->number > API_PAGE_LIMIT)
            wanted = "a whole number from 1 to 500";
        break;
    case FIELD_FLAG:
        if (!boolean_parse(field->text, &(bool){ false }))
            wanted = "true or false";
        field->number = strcmp(field->text, "true") == 0;
        break;
    case FIELD_OBJECT:
        break;
    }
    if (wanted != NULL)
        api_refuse(answer, 400, "%s: \"%.100s\" is not %s", field->name, field->text, wanted);
    return wanted == NULL;
}

/* ---- a query ---- */

static bool parameter_read(struct bytes parameter, struct field *fields, int count, struct api_answer *answer) {
    const char *equals = memchr(parameter.data, '=', parameter.length);
    struct bytes name = { parameter.data, equals ? (size_t)(equals - parameter.data) : parameter.length };
    struct bytes value = { equals ? equals + 1 : "", equals ? parameter.length - name.length - 1 : 0 };
    struct field *field = field_find(fields, count, name, "parameter", answer);
    if (field == NULL)
        return false;
    long length = percent_decode(value, true, field->text, sizeof field->text - 1);
    const char *wrong = NULL;
    if (field->given)
        wrong = "stands twice";
    else if (length < 0 && value.length >= sizeof field->text)
        wrong = "is too long";
    else if (length < 0)
        wrong = "has a % without two hex digits behind it";
    else if (length == 0)
        wrong = "is empty; leave it out, or say what you mean";
    else if (memchr(field->text, '\0', (size_t)length) != NULL)
        wrong = "has a zero byte in it";
    if (wrong != NULL) {
        api_refuse(answer, 400, "the parameter %s %s", field->name, wrong);
        return false;
    }
    field->text[length] = '\0';
    return field_read(field, answer);
}

bool fields_of_query(const struct api_request *request, struct field *fields, int count, struct api_answer *answer) {
    const char *at = request->query != NULL ? request->query : "";
    while (*at != '\0') {
        size_t length = strcspn(at, "&");
        if (length > 0 && !parameter_read((struct bytes){ at, length }, fields, count, answer))
            return false;
        at += length + (at[length] == '&');
    }
    return true;
}

/* ---- a body ---- */

bool fields_body(const struct api_request *request, struct json *json, struct api_answer *answer) {
    struct fault why;
    if (request->body.length > API_BODY_LIMIT)
        api_refuse(answer, 413, "the body is over %d bytes", API_BODY_LIMIT);
    else if (request->body.length == 0)
        api_refuse(answer, 400, "there is no body; it should be a JSON object");
    else if (!json_parse(json, request->body, &why))
        api_refuse(answer, 400, "the body is not JSON: %s", why.text);
    else if (json_kind_at(json, 0) != JSON_OBJECT)
        api_refuse(answer, 400, "the body is not a JSON object");
    else
        return true;
    return false;
}

/* Is a value of that kind what the field takes? Times and numbers may be texts too, as they are in a query. */
static bool kind_fits(enum field_kind kind, enum json_kind value) {
    switch (kind) {
    case FIELD_TEXT:
        return value == JSON_STRING;
    case FIELD_FLAG:
        return value == JSON_TRUE || value == JSON_FALSE;
    case FIELD_OBJECT:
        return value == JSON_OBJECT;
    case FIELD_TIME:
    case FIELD_NUMBER:
    case FIELD_LIMIT:
        break;
    }
    return value == JSON_NUMBER || value == JSON_STRING;
}

static const char *kind_words(enum field_kind kind) {
    return kind == FIELD_TEXT     ? "a string"
           : kind == FIELD_FLAG   ? "true or false"
           : kind == FIELD_OBJECT ? "an object"
           : kind == FIELD_TIME   ? "a time, in a string"
                                  : "a number";
}

static bool member_read(const struct json *json, const char *pointer, struct field *field, struct api_answer *answer) {
    bool doubled;
    int token = json_find(json, pointer, &doubled);
    enum json_kind kind = json_kind_at(json, token);
    struct buffer value = { .limit = sizeof field->text - 1 };
    const char *wrong = NULL;
    if (doubled)
        wrong = "stands twice";
    else if (kind == JSON_NULL)
        return true;
    else if (!kind_fits(field->kind, kind)) {
        api_refuse(answer, 400, "the member %s of the body is not %s", field->name, kind_words(field->kind));
        return false;
    } else if (field->kind == FIELD_OBJECT) {
        field->given = true;
        return true;
    } else if (kind == JSON_STRING ? !json_string(json, token, &value)
                                   : !buffer_append(&value, json_raw(json, token).data, json_raw(json, token).length))
        wrong = "is too long";
    else if (value.length == 0)
        wrong = "is empty; leave it out, or say what you mean";
    else if (memchr(value.data, '\0', value.length) != NULL)
        wrong = "has a zero byte in it";
    if (wrong != NULL)
        api_refuse(answer, 400, "the member %s of the body %s", field->name, wrong);
    else
        memcpy(field->text, buffer_text(&value), value.length + 1);
    buffer_free(&value);
    return wrong == NULL && field_read(field, answer);
}

bool fields_of_object(const struct json *json, const char *pointer, struct field *fields, int count,
                      struct api_answer *answer) {
    int members = json_count(json, json_find(json, pointer, NULL));
    size_t above = strlen(pointer) + 1; /* and the slash behind it */
    struct buffer way = { 0 };
    bool good = true;
    for (int i = 0; good && i < members; i++) {
        buffer_clear(&way);
        if (!json_member(json, pointer, i, &way)) {
            api_refuse(answer, 500, "not enough memory for the question");
            good = false;
            break;
        }
        struct bytes name = { way.data + above, way.length - above };
        struct field *field = field_find(fields, count, name, "member of the body", answer);
        good = field != NULL && member_read(json, buffer_text(&way), field, answer);
    }
    buffer_free(&way);
    return good;
}
