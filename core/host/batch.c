/* The life of a provisional OK: deliver, flush, and where a shared flush failed deliver and flush again, alone. */
#include "host/batch.h"

#include "base/clock.h"

/* What the last call into the plugin said, as the outcome of an event. The text is a view that the next call ends. */
static struct wire_outcome outcome_of_call(const struct batch *batch, int64_t sequence, enum grapnel_code code,
                                           int64_t duration_us) {
    const struct host_call *call = &batch->calls->call;
    return (struct wire_outcome){
        .sequence = sequence,
        .code = code,
        .after_ms = call->after_ms,
        .duration_us = duration_us,
        .text = { call->text.data, call->text.length },
    };
}

/* OKs are gathered, and noted on the page; whatever else was said is on its way before the next event runs. */
static void batch_answer(struct batch *batch, const struct wire_outcome *outcome) {
    connection_outcome(batch->calls->connection, outcome);
    if (outcome->code == GRAPNEL_OK)
        wire_page_settle(batch->calls->page, outcome->sequence);
    else
        connection_send(batch->calls->connection);
}

static void batch_add(struct batch *batch, struct wire_outcome outcome, struct bytes raw) {
    struct batch_entry *entry = &batch->entries[batch->count++];
    *entry = (struct batch_entry){ .outcome = outcome, .provisional = outcome.code == GRAPNEL_OK };
    entry->text = batch->texts.length;
    if (buffer_append(&batch->texts, outcome.text.data, outcome.text.length))
        entry->text_length = outcome.text.length;
    if (!entry->provisional)
        return;
    if (batch->provisional++ == 0)
        batch->first_ms = clock_monotonic_ms();
    entry->frame = batch->frames.length;
    if (buffer_append(&batch->frames, raw.data, raw.length))
        entry->frame_length = raw.length;
}

bool batch_deliver(struct batch *batch, struct wire_frame *frame, struct bytes raw) {
    struct host_event event;
    if (!host_event_read(&event, frame))
        return false;
    if (event.alone) {
        /* One that was near a crash before: what is done so far must not be lost with it. */
        batch_flush(batch);
        connection_send(batch->calls->connection);
    }
    enum grapnel_code code = calls_deliver(batch->calls, &event);
    struct wire_outcome outcome = outcome_of_call(batch, event.sequence, code, batch->calls->duration_us);
    bool provisional = batch->calls->plugin->flush && code == GRAPNEL_OK;
    if (!provisional && batch->count == 0) {
        batch_answer(batch, &outcome);
        return true;
    }
    batch_add(batch, outcome, raw);
    if (event.alone || batch->count == BATCH_EVENTS || batch->frames.length >= BATCH_BYTES || batch->frames.failed ||
        batch_time_left_ms(batch) == 0)
        batch_flush(batch);
    return true;
}

int batch_time_left_ms(const struct batch *batch) {
    int64_t left = batch->first_ms + BATCH_TIME_MS - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

/* Deliver and flush, for itself. */
static struct wire_outcome batch_run_alone(struct batch *batch, const struct batch_entry *entry) {
    struct plugin_calls *calls = batch->calls;
    struct bytes raw = { 0 };
    if (entry->frame_length)
        raw = (struct bytes){ batch->frames.data + entry->frame, entry->frame_length };
    struct wire_frame frame;
    struct host_event event;
    size_t used;
    if (!raw.length || wire_parse(raw, &frame, &used) != WIRE_FRAME || !host_event_read(&event, &frame)) {
        struct wire_outcome outcome = entry->outcome;
        outcome.code = GRAPNEL_RETRY;
        outcome.text = bytes_of("the shared flush failed, and memory was short to run the event again alone");
        return outcome;
    }
    enum grapnel_code code = calls_deliver(calls, &event);
    int64_t duration_us = calls->duration_us;
    if (code == GRAPNEL_OK) {
        code = calls_flush(calls, event.sequence);
        duration_us += calls->duration_us;
    }
    return outcome_of_call(batch, event.sequence, code, duration_us);
}

/* `code` is what the flush said, which is also the last call. */
static void batch_answer_all(struct batch *batch, enum grapnel_code code, int64_t share_us) {
    bool rerun = batch->provisional > 1 && code != GRAPNEL_OK && code != GRAPNEL_BUSY;
    for (int i = 0; i < batch->count; i++) {
        struct batch_entry *entry = &batch->entries[i];
        struct wire_outcome outcome = entry->outcome;
        if (!entry->provisional)
            outcome.text = entry->text_length ? (struct bytes){ batch->texts.data + entry->text, entry->text_length }
                                              : (struct bytes){ 0 };
        else if (!rerun)
            outcome = outcome_of_call(batch, outcome.sequence, code, outcome.duration_us + share_us);
        else
            outcome = batch_run_alone(batch, entry);
        batch_answer(batch, &outcome);
    }
}

static void batch_clear(struct batch *batch) {
    batch->count = batch->provisional = 0;
    buffer_clear(&batch->frames);
    buffer_clear(&batch->texts);
    if (batch->frames.capacity > CONNECTION_KEEP_SIZE)
        buffer_free(&batch->frames);
}

void batch_flush(struct batch *batch) {
    if (batch->count == 0)
        return;
    int64_t only = 0;
    for (int i = 0; i < batch->count && batch->provisional == 1; i++)
        if (batch->entries[i].provisional)
            only = batch->entries[i].outcome.sequence;
    enum grapnel_code code = calls_flush(batch->calls, only);
    batch_answer_all(batch, code, batch->calls->duration_us / batch->provisional);
    batch_clear(batch);
}

void batch_free(struct batch *batch) {
    buffer_free(&batch->frames);
    buffer_free(&batch->texts);
}
