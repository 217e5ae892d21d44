#include "admin/refused.h"

#include <stdlib.h>
#include <string.h>

#include "admin/fields.h"
#include "admin/write.h"
#include "base/clock.h"
#include "config/setup.h"
#include "receive/refusals.h"

/* A copy, and whose it is. */
struct refused_row {
    struct refusal refusal;
    const char *source;
};

/* Does the sender's own request, tried again in peace, tell more than the reason does? */
static bool explaining_helps(enum answer answer) {
    return answer == ANSWER_SIGNATURE || answer == ANSWER_TIMESTAMP || answer == ANSWER_NOT_JSON ||
           answer == ANSWER_NO_EVENT;
}

static void row_append(struct buffer *body, const struct refused_row *row) {
    char at[CLOCK_TEXT_SIZE];
    clock_format(row->refusal.at_ms, at);
    buffer_format(body, "{\"at\":\"%s\",\"source\":", at);
    write_text(body, row->source);
    buffer_append_text(body, ",\"from\":");
    write_text(body, row->refusal.from);
    buffer_append_text(body, ",\"via\":");
    write_text(body, row->refusal.via[0] != '\0' ? row->refusal.via : NULL);
    buffer_format(body, ",\"status\":%d,\"reason\":", answer_row(row->refusal.answer)->status);
    write_text(body, row->refusal.reason);
    buffer_append_text(body, ",\"hint\":");
    if (row->source != NULL && explaining_helps(row->refusal.answer))
        buffer_format(body,
                      "\"save the request's headers and body, and ask: grapnel explain --source %s --header '…' "
                      "--body FILE\"",
                      row->source);
    else
        buffer_append_text(body, "null");
    buffer_append_text(body, "}");
}

static int newer_first(const void *a, const void *b) {
    uint64_t first = ((const struct refused_row *)a)->refusal.number;
    uint64_t second = ((const struct refused_row *)b)->refusal.number;
    return first < second ? 1 : first > second ? -1 : 0;
}

/* Appends the refusals of one source to `rows`; returns how many. */
static size_t rows_of(struct refusals *refusals, int source, struct refused_row *rows) {
    struct refusal copies[REFUSALS_KEPT];
    int count = refusals_copy(refusals, source, copies);
    for (int i = 0; i < count; i++)
        rows[i] = (struct refused_row){ copies[i], refusals_source_name(refusals, source) };
    return (size_t)count;
}

/* The number of the wanted source; -1 with the answer if there is none. */
static int source_find(const struct refusals *refusals, const char *wanted, struct api_answer *answer) {
    const char *names[SETUP_SOURCE_LIMIT + 1] = { 0 };
    char meant[API_MEANT_SIZE];
    for (int i = 0; i + 1 < refusals_source_count(refusals) && i < SETUP_SOURCE_LIMIT; i++) {
        names[i] = refusals_source_name(refusals, i);
        if (strcmp(names[i], wanted) == 0)
            return i;
    }
    api_refuse(answer, 404, "the running daemon has no source \"%s\"%s", wanted, api_meant(wanted, names, meant));
    return -1;
}

void refused_answer(const struct api *api, const struct api_request *request, struct api_answer *answer) {
    struct field fields[] = { { .name = "source" } };
    int first = 0, end = refusals_source_count(api->refusals);
    if (!fields_of_query(request, fields, 1, answer))
        return;
    if (fields[0].given) {
        first = source_find(api->refusals, fields[0].text, answer);
        if (first < 0)
            return;
        end = first + 1;
    }
    struct refused_row *rows = calloc((size_t)(end - first) * REFUSALS_KEPT, sizeof *rows);
    if (rows == NULL) {
        api_refuse(answer, 500, "not enough memory for the answer; ask for one source");
        return;
    }
    size_t count = 0;
    for (int source = first; source < end; source++)
        count += rows_of(api->refusals, source, rows + count);
    qsort(rows, count, sizeof *rows, newer_first);
    buffer_append_text(&answer->body, "[");
    for (size_t i = 0; i < count && i < REFUSED_ANSWER_LIMIT; i++) {
        buffer_append_text(&answer->body, i == 0 ? "" : ",\n");
        row_append(&answer->body, &rows[i]);
    }
    buffer_append_text(&answer->body, "]\n");
    free(rows);
}
