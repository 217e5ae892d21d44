/* What a worker says: frames on its socket, lines on its stdout and stderr. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/worker_private.h"
#include "grapnel/plugin.h"

enum { FRAMES_SETTING_LIMIT = 1024 };

static char *frame_copy(struct bytes text) {
    return strndup(text.data ? text.data : "", text.length);
}

static bool frame_read_row(struct wire_frame *frame, struct setting_row *row) {
    row->name = frame_copy(wire_get_text(frame));
    row->kind = (int)wire_get_number(frame);
    bool required = wire_get_number(frame) != 0;
    struct bytes fallback = wire_get_text(frame);
    row->fallback = required ? NULL : frame_copy(fallback);
    row->help = frame_copy(wire_get_text(frame));
    return row->name && row->help && (required || row->fallback);
}

static bool frame_hello(struct worker *worker, struct wire_frame *frame) {
    /* All but the table is for people (`grapnel plugin describe`); nothing acts on it. */
    struct worker_hello hello = { .name = wire_get_text(frame),
                                  .version = wire_get_text(frame),
                                  .summary = wire_get_text(frame),
                                  .abi_minor = wire_get_number(frame),
                                  .has_flush = wire_get_number(frame) != 0,
                                  .has_check = wire_get_number(frame) != 0 };
    int64_t count = wire_get_number(frame);
    if (worker->state != WORKER_STARTING || frame->bad || count < 0 || count > FRAMES_SETTING_LIMIT)
        return false;
    bool whole = true;
    hello.table.rows = calloc((size_t)count + 1, sizeof *hello.table.rows);
    for (int i = 0; hello.table.rows && i < count && whole; i++) {
        whole = frame_read_row(frame, &hello.table.rows[i]);
        hello.table.count++;
    }
    if (!hello.table.rows || !whole || !wire_finished(frame)) {
        setting_table_free(&hello.table);
        return false;
    }
    worker->state = WORKER_GREETED;
    worker->progress_ms = clock_monotonic_ms();
    worker->options.owner.greeted(worker->options.owner.owner, worker, &hello);
    return true;
}

static bool frame_broken(struct worker *worker, struct wire_frame *frame) {
    struct bytes why = wire_get_text(frame);
    if (worker->state != WORKER_STARTING || !wire_finished(frame))
        return false;
    worker->options.owner.broken(worker->options.owner.owner, worker, why);
    worker_kill(worker, WORKER_END_DROPPED);
    return true;
}

static bool frame_ready(struct worker *worker, struct wire_frame *frame) {
    int64_t code = wire_get_number(frame), after_ms = wire_get_number(frame);
    struct bytes text = wire_get_text(frame);
    if (worker->state != WORKER_INITIALISING || !wire_finished(frame))
        return false;
    worker->state = WORKER_READY;
    worker->progress_ms = clock_monotonic_ms();
    worker->options.owner.ready(worker->options.owner.owner, worker, (int)code, after_ms, text);
    return true;
}

static bool frame_outcome(struct worker *worker, struct wire_frame *frame) {
    int64_t sequence = wire_get_number(frame);
    struct worker_outcome outcome = { .code = (int)wire_get_number(frame),
                                      .after_ms = wire_get_number(frame),
                                      .duration_us = wire_get_number(frame),
                                      .text = wire_get_text(frame) };
    if (!wire_finished(frame) || !worker->held.first || worker->held.first->sequence != sequence)
        return false;
    worker->progress_ms = clock_monotonic_ms();
    worker->options.owner.outcome(worker->options.owner.owner, worker, delivery_take(&worker->held), &outcome);
    return true;
}

static enum log_level frame_log_level(int64_t level) {
    return level <= GRAPNEL_DEBUG  ? LOG_LEVEL_DEBUG
           : level == GRAPNEL_INFO ? LOG_LEVEL_INFO
           : level == GRAPNEL_WARN ? LOG_LEVEL_WARN
                                   : LOG_LEVEL_ERROR;
}

/* What the plugin says, within its budget of lines. */
static void worker_log_plugin(struct worker *worker, enum log_level level, const char *how, struct bytes text) {
    const struct log_field fields[] = { log_text(LOG_PLUGIN, worker->options.plugin),
                                        log_number(LOG_WORKER, worker_process(worker)) };
    log_event(worker->options.log, level, worker->options.plugin_lines, fields, sizeof fields / sizeof *fields,
              "plugin \"%s\"%s: %.*s", worker->options.plugin, how, (int)text.length, text.data);
}

static bool frame_log(struct worker *worker, struct wire_frame *frame) {
    int64_t level = wire_get_number(frame);
    struct bytes text = wire_get_text(frame);
    if (!wire_finished(frame))
        return false;
    worker_log_plugin(worker, frame_log_level(level), "", text);
    return true;
}

/* False: out of turn or malformed. */
static bool frame_take(struct worker *worker, struct wire_frame *frame) {
    switch (frame->type) {
    case WIRE_HELLO:
        return frame_hello(worker, frame);
    case WIRE_BROKEN:
        return frame_broken(worker, frame);
    case WIRE_READY:
        return frame_ready(worker, frame);
    case WIRE_OUTCOME:
        return frame_outcome(worker, frame);
    case WIRE_LOG:
        return frame_log(worker, frame);
    default:
        return false;
    }
}

/* Takes all whole frames at the front of `in`. False: garbage. */
static bool worker_take_frames(struct worker *worker) {
    size_t taken = 0;
    bool sane = true;
    while (sane && taken < worker->in.length) {
        struct wire_frame frame;
        size_t used = 0;
        struct bytes rest = { worker->in.data + taken, worker->in.length - taken };
        enum wire_status status = wire_parse(rest, &frame, &used);
        if (status == WIRE_MORE)
            break;
        sane = status == WIRE_FRAME && frame_take(worker, &frame);
        taken += used;
    }
    buffer_consume(&worker->in, sane ? taken : worker->in.length);
    return sane;
}

void worker_read_frames(struct worker *worker, int reads) {
    while (reads-- > 0) {
        char *room = buffer_reserve(&worker->in, WORKER_READ_SIZE);
        if (!room) {
            log_error(worker->options.log, "plugin \"%s\": out of memory for what its worker %d says; it is replaced",
                      worker->options.plugin, worker_process(worker));
            worker->stream_lost = true;
            loop_remove(worker->options.loop, &worker->socket_watch);
            worker_kill(worker, WORKER_END_DROPPED);
            return;
        }
        ssize_t count = recv(worker->spawned.socket, room, WORKER_READ_SIZE, MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0) { /* it closed its end: whatever it still does, nobody can talk with it */
            loop_remove(worker->options.loop, &worker->socket_watch);
            if (worker->state != WORKER_STOPPING)
                worker_kill(worker, WORKER_END_EXITED);
            return;
        }
        worker->in.length += (size_t)count;
        if (!worker_take_frames(worker)) {
            worker->stream_lost = true;
            loop_remove(worker->options.loop, &worker->socket_watch);
            worker_kill(worker, WORKER_END_GARBAGE);
            return;
        }
        if (count < WORKER_READ_SIZE)
            return;
    }
}

static void worker_log_line(struct worker *worker) {
    char how[48];
    snprintf(how, sizeof how, " (process %d) printed", worker_process(worker));
    if (worker->line.length)
        worker_log_plugin(worker, LOG_LEVEL_INFO, how, (struct bytes){ worker->line.data, worker->line.length });
    buffer_clear(&worker->line);
}

void worker_read_output(struct worker *worker) {
    char text[4096];
    ssize_t count = read(worker->spawned.output, text, sizeof text);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        worker_log_line(worker);
        loop_remove(worker->options.loop, &worker->output_watch);
        return;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (text[i] != '\n')
            buffer_append(&worker->line, &text[i], 1);
        if (text[i] == '\n' || worker->line.length + 1 >= WORKER_LINE_LIMIT)
            worker_log_line(worker);
    }
}
