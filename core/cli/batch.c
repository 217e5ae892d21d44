#include "cli/batch.h"

#include "cli/progress.h"

enum { BATCH_ROWS = 250 /* what a commit of the store takes without holding up the events */ };

/* The value as it stands in the answer; nothing for null. */
static void raw_take(const struct json *json, const char *pointer, struct buffer *raw) {
    struct bytes value = json_raw(json, json_find(json, pointer, NULL));
    buffer_clear(raw);
    if (answer_has(json, pointer))
        buffer_append(raw, value.data, value.length);
}

bool batch_ask(struct batch *batch, struct control *control, struct fault *fault) {
    struct buffer question = { 0 }, answer = { 0 };
    struct json json = { 0 };
    buffer_format(&question, "{%s", batch->members);
    if (batch->until.length > 0)
        buffer_format(&question, ",\"until\":%s", buffer_text(&batch->until));
    if (batch->cursor.length > 0)
        buffer_format(&question, ",\"cursor\":%s", buffer_text(&batch->cursor));
    buffer_append_text(&question, "}");
    bool good = control_post(control, batch->path, (struct bytes){ question.data, question.length }, &answer, fault) &&
                answer_parse(&json, &answer, fault);
    if (good) {
        batch->changed += answer_number(&json, "/changed");
        batch->skipped += answer_number(&json, "/skipped");
        batch->unrouted += answer_number(&json, "/unrouted");
        raw_take(&json, "/until", &batch->until);
        raw_take(&json, "/cursor", &batch->cursor);
    }
    json_free(&json);
    buffer_free(&question);
    buffer_free(&answer);
    return good;
}

enum batch_end batch_run(struct batch *batch, struct control *control, const char *command, int *code,
                         struct fault *fault) {
    struct progress progress = progress_begin(command);
    struct buffer members = { 0 }, before = { 0 };
    const char *given = batch->members;
    enum batch_end end = BATCH_DONE;
    buffer_format(&members, "%s,\"limit\":%d", given, BATCH_ROWS);
    batch->members = buffer_text(&members);
    for (bool more = true; more && end == BATCH_DONE;) {
        int64_t changed = batch->changed;
        buffer_clear(&before);
        buffer_append(&before, batch->cursor.data, batch->cursor.length);
        bool good = batch_ask(batch, control, fault);
        more = batch->cursor.length > 0;
        if (good && more && batch->changed == changed &&
            bytes_equal((struct bytes){ before.data, before.length },
                        (struct bytes){ batch->cursor.data, batch->cursor.length }))
            good = fault_set(fault, "the daemon's answer can't be right: it leads to itself");
        if (!good)
            end = BATCH_FAILED;
        else if (more && (*code = progress_interrupted(&progress)) != 0)
            end = BATCH_INTERRUPTED;
        if (batch->expected >= 0)
            progress_tell(&progress, "%lld of %lld %s", (long long)batch->changed, (long long)batch->expected,
                          batch->done);
        else
            progress_tell(&progress, "%lld %s", (long long)batch->changed, batch->done);
    }
    progress_clear(&progress);
    if (end == BATCH_FAILED)
        *code = control_exit_code(control);
    batch->members = given;
    buffer_free(&members);
    buffer_free(&before);
    return end;
}

void batch_free(struct batch *batch) {
    buffer_free(&batch->until);
    buffer_free(&batch->cursor);
}
