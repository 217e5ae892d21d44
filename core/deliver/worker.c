/* The life of a worker: started, told its settings, given deliveries, stopped or killed. */
#include "deliver/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/worker_private.h"

static void worker_socket_ready(struct loop_watch *watch, uint32_t events) {
    struct worker *worker = watch->owner;
    if (events & EPOLLOUT)
        worker_send(worker);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        worker_read_frames(worker, WORKER_READS);
}

static void worker_output_ready(struct loop_watch *watch, uint32_t events) {
    (void)events;
    worker_read_output(watch->owner);
}

static void worker_process_ready(struct loop_watch *watch, uint32_t events) {
    (void)events;
    worker_finish(watch->owner);
}

static bool worker_watch(struct worker *worker, struct loop_watch *watch, int descriptor,
                         void (*ready)(struct loop_watch *, uint32_t), struct fault *fault) {
    *watch = (struct loop_watch){ .descriptor = descriptor, .ready = ready, .owner = worker, .removed = true };
    return loop_add(worker->options.loop, watch, EPOLLIN, fault);
}

static void worker_say_start(struct worker *worker) {
    size_t begun = wire_begin(&worker->out, WIRE_START);
    wire_put_number(&worker->out, worker->options.deadline_ms);
    wire_put_number(&worker->out, worker->options.memory_bytes);
    wire_put_number(&worker->out, worker->options.keep_privileges);
    wire_put_number(&worker->out, worker->options.mark);
    wire_put_text(&worker->out, bytes_of(worker->options.plugin));
    wire_put_text(&worker->out, bytes_of(worker->options.file));
    wire_put_text(&worker->out, bytes_of(worker->options.folder));
    wire_end(&worker->out, begun);
}

struct worker *worker_start(const struct worker_options *options, struct fault *fault) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        fault_set(fault, "plugin \"%s\": out of memory", options->plugin);
        return NULL;
    }
    worker->options = *options;
    worker->line.limit = WORKER_LINE_LIMIT;
    worker->in.limit = (size_t)WIRE_FRAME_LIMIT + WORKER_READ_SIZE;
    if (!spawn_host(options->host, options->plugin, options->environment, &worker->spawned, fault)) {
        free(worker);
        return NULL;
    }
    const struct spawned *spawned = &worker->spawned;
    if (!worker_watch(worker, &worker->socket_watch, spawned->socket, worker_socket_ready, fault) ||
        !worker_watch(worker, &worker->output_watch, spawned->output, worker_output_ready, fault) ||
        !worker_watch(worker, &worker->process_watch, spawned->process_watch, worker_process_ready, fault)) {
        kill(-spawned->process, SIGKILL);
        waitpid(spawned->process, NULL, 0);
        worker_free(worker);
        return NULL;
    }
    worker->progress_ms = clock_monotonic_ms();
    worker_say_start(worker);
    worker_send(worker);
    return worker;
}

void worker_free(struct worker *worker) {
    if (!worker)
        return;
    loop_remove(worker->options.loop, &worker->socket_watch);
    loop_remove(worker->options.loop, &worker->output_watch);
    loop_remove(worker->options.loop, &worker->process_watch);
    spawned_close(&worker->spawned);
    delivery_free_all(&worker->held);
    buffer_free(&worker->in);
    buffer_wipe(&worker->out);
    buffer_free(&worker->line);
    free(worker);
}

/* What the frame of the settings takes at most. Reserved at once, since a buffer that grows leaves copies of secrets behind. */
static size_t init_size(const struct settings *settings) {
    const size_t numbers =
        64; /* of a value: kind, number, two lengths and terminators; of the frame: header, mode, count */
    size_t size = numbers;
    for (int i = 0; i < settings->count; i++)
        size += strlen(settings->values[i].path) + strlen(settings->values[i].text) + numbers;
    return size;
}

void worker_init(struct worker *worker, const struct settings *settings, bool check_only) {
    buffer_reserve(&worker->out, init_size(settings));
    worker->out_secret = true;
    size_t begun = wire_begin(&worker->out, WIRE_INIT);
    wire_put_number(&worker->out, check_only ? WIRE_INIT_CHECK : WIRE_INIT_RUN);
    wire_put_number(&worker->out, settings->count);
    for (int i = 0; i < settings->count; i++) {
        wire_put_text(&worker->out, bytes_of(settings->values[i].path));
        wire_put_number(&worker->out, settings->values[i].kind);
        wire_put_text(&worker->out, bytes_of(settings->values[i].text));
        wire_put_number(&worker->out, settings->values[i].number);
    }
    wire_end(&worker->out, begun);
    worker->state = WORKER_INITIALISING;
    worker->progress_ms = clock_monotonic_ms();
    worker_send(worker);
}

void worker_give(struct worker *worker, struct delivery *delivery) {
    const struct event *event = delivery->event;
    char key[EVENT_KEY_SIZE];
    event_key(event->source, event->id, worker->options.plugin, delivery->replay, key);
    delivery->sequence = ++worker->sequence;
    if (!worker->held.first)
        worker->progress_ms = clock_monotonic_ms();
    size_t begun = wire_begin(&worker->out, WIRE_EVENT);
    wire_put_number(&worker->out, delivery->sequence);
    wire_put_number(&worker->out, delivery->attempts + 1);
    wire_put_number(&worker->out, delivery->alone);
    wire_put_number(&worker->out, event->received_ms);
    wire_put_text(&worker->out, event->source);
    wire_put_text(&worker->out, event->id);
    wire_put_text(&worker->out, event->type);
    wire_put_text(&worker->out, bytes_of(key));
    wire_put_text(&worker->out, event->headers);
    wire_put_text(&worker->out, event->body);
    wire_end(&worker->out, begun);
    delivery_append(&worker->held, delivery);
}

/* Epoll asks for writability only while something could not be sent. */
static void worker_want_write(struct worker *worker, bool wanted) {
    if (worker->socket_wants_write == wanted)
        return;
    worker->socket_wants_write = wanted;
    loop_change(worker->options.loop, &worker->socket_watch, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void worker_send(struct worker *worker) {
    struct buffer *out = &worker->out;
    if (out->failed) { /* out of memory half way through a frame: this worker's stream can't be trusted any more */
        log_error(worker->options.log,
                  "plugin \"%s\": out of memory for what its worker %d is to be sent; it is replaced",
                  worker->options.plugin, worker_process(worker));
        buffer_clear(out);
        worker_kill(worker, WORKER_END_DROPPED);
        return;
    }
    size_t sent = 0;
    while (sent < out->length) {
        ssize_t count = send(worker->spawned.socket, out->data + sent, out->length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0)
            sent += (size_t)count;
        else if (errno == EINTR)
            continue;
        else if (errno == EAGAIN)
            break;
        else
            sent = out->length; /* it is gone: its end is seen through the process */
    }
    buffer_consume(out, sent);
    if (worker->out_secret && out->length == 0) {
        buffer_wipe(out);
        worker->out_secret = false;
    }
    worker_want_write(worker, out->length > 0);
}

void worker_stop(struct worker *worker) {
    if (worker->state >= WORKER_STOPPING)
        return;
    size_t begun = wire_begin(&worker->out, WIRE_STOP);
    wire_end(&worker->out, begun);
    worker->state = WORKER_STOPPING;
    worker->progress_ms = clock_monotonic_ms();
    worker_send(worker);
}

void worker_kill(struct worker *worker, enum worker_end end) {
    if (worker->state == WORKER_KILLED)
        return;
    worker->state = WORKER_KILLED;
    worker->end = end;
    kill(-worker->spawned.process, SIGKILL);
    kill(worker->spawned.process, SIGKILL); /* in the moment before it leads its group, if there is such a one */
}

void worker_kill_heavy(struct worker *worker, int64_t children_bytes) {
    worker->children_bytes = children_bytes;
    worker_kill(worker, WORKER_END_MEMORY);
}

enum worker_state worker_state(const struct worker *worker) {
    return worker->state;
}

int worker_process(const struct worker *worker) {
    return (int)worker->spawned.process;
}

int worker_held(const struct worker *worker) {
    return worker->held.count;
}

size_t worker_held_bytes(const struct worker *worker) {
    return worker->held.bytes;
}

bool worker_alone(const struct worker *worker) {
    return worker->held.first && worker->held.first->alone;
}

int64_t worker_check(struct worker *worker, int64_t now_ms) {
    bool called =
        worker->state == WORKER_STARTING || worker->state == WORKER_INITIALISING || worker->state == WORKER_STOPPING;
    if (worker->state == WORKER_KILLED || worker->state == WORKER_GREETED || (!called && !worker->held.first))
        return INT64_MAX;
    const struct wire_page *page = worker->spawned.page;
    int64_t running = page->running, since = page->since_ms;
    if (since <= 0 || since > now_ms) /* nothing runs as far as the page says, or the page is not to be believed */
        since = worker->progress_ms;
    if (now_ms - since < worker->options.deadline_ms)
        return since + worker->options.deadline_ms;
    worker->overdue = running;
    worker->overdue_flush = page->phase == WIRE_PHASE_FLUSH;
    worker_kill(worker, WORKER_END_DEADLINE);
    return INT64_MAX;
}
