/* Handing a request over to the store, and its answer from the store to the sender. */
#include "receive/exchange.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "receive/intake.h"

enum { KEEP_BODY = 64 * 1024, KEEP_TOKENS = 4096 };

static const enum answer result_answers[INTAKE_STORE_RESULTS] = {
    [STORE_ACCEPTED] = ANSWER_ACCEPTED,       [STORE_DUPLICATE] = ANSWER_DUPLICATE,
    [STORE_CONFLICT] = ANSWER_CONFLICT,       [STORE_REPLAY] = ANSWER_DUPLICATE, /* the log tells it apart */
    [STORE_UNAVAILABLE] = ANSWER_UNAVAILABLE,
};

enum answer exchange_answer(enum store_result result) {
    return result_answers[result];
}

/* The lines of one request; `answer` as it is counted. */
static void exchange_log(const struct exchange *exchange, enum answer answer) {
    struct intake *intake = exchange->intake;
    const struct event *event = exchange->put.event;
    const struct log_field fields[] = { log_bytes(LOG_SOURCE, event->source), log_bytes(LOG_ID, event->id),
                                        log_bytes(LOG_TYPE, event->type),
                                        log_text(LOG_RESULT, answer_row(answer)->name) };
    const size_t count = sizeof fields / sizeof *fields;
    if (answer == ANSWER_ACCEPTED && exchange->put.plugin_count == 0)
        log_event(intake->options.log, LOG_LEVEL_INFO, &intake->sources[exchange->source].unrouted_lines, fields, count,
                  "Unhandled event type %s from source \"%s\": no route matches it, it is kept as unrouted",
                  event->type.data, event->source.data);
    log_event(intake->options.log, LOG_LEVEL_DEBUG, NULL, fields, count, "%s/%s %s: %s, deliveries: %d",
              event->source.data, event->id.data, event->type.data, answer_row(answer)->reason,
              exchange->put.plugin_count);
}

/* Duplicates that nobody should send: both may be a forger's doing, or a sender's mistake. */
static void exchange_doubt(const struct exchange *exchange, enum store_result result) {
    static const char *const doubts[INTAKE_STORE_RESULTS] = {
        [STORE_CONFLICT] = "came again with another body",
        [STORE_REPLAY] = "is a replay: what is signed came before under another id",
    };
    struct intake *intake = exchange->intake;
    const struct event *event = exchange->put.event;
    if (!doubts[result])
        return;
    const struct log_field fields[] = { log_bytes(LOG_SOURCE, event->source), log_bytes(LOG_ID, event->id),
                                        log_bytes(LOG_TYPE, event->type),
                                        log_text(LOG_RESULT, answer_row(result_answers[result])->name),
                                        log_text(LOG_REASON, doubts[result]) };
    log_event(intake->options.log, LOG_LEVEL_WARN, &intake->sources[exchange->source].doubt_lines, fields,
              sizeof fields / sizeof *fields,
              "source \"%s\": event id \"%s\" %s; answered as a duplicate, not delivered", event->source.data,
              event->id.data, doubts[result]);
}

/* On the writer thread. The connection's own thread may be reading meanwhile, but never writes or closes before the state says so. (Over TLS
 * the two can't be had at once: there this would only note the answer, and the thread would wait and send it.) */
static void exchange_done(struct store_put *put, enum store_result result) {
    struct exchange *exchange = (struct exchange *)((char *)put - offsetof(struct exchange, put));
    struct intake *intake = exchange->intake;
    enum answer answer = result_answers[result];
    intake_count(intake, exchange->source, answer);
    if (put->plugin_count == 0 && result == STORE_ACCEPTED)
        atomic_fetch_add_explicit(&intake->sources[exchange->source].unrouted, 1, memory_order_relaxed);
    if (!answer_send(exchange->socket, &intake->answers[result][exchange->closes], &exchange->date))
        atomic_fetch_add_explicit(&intake->unsent, 1, memory_order_relaxed);
    intake_time(intake, clock_monotonic_us() - exchange->begun_us);
    if (result == STORE_UNAVAILABLE) {
        struct guard_names names;
        guard_name(&exchange->sender, exchange->from, &names);
        intake_refused(intake, exchange->source, answer, names.from, names.via, answer_row(answer)->reason);
    }
    exchange_doubt(exchange, result);
    exchange_log(exchange, answer);
    event_release(put->event);
    put->event = NULL;

    /* From here on the exchange may carry the next request, or be freed: the futex is then woken at an address where
     * nobody, or somebody who looks again, waits. */
    if (atomic_exchange_explicit(&exchange->state, EXCHANGE_IDLE, memory_order_acq_rel) == EXCHANGE_AWAITED) {
        syscall(SYS_futex, &exchange->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
}

void exchange_submit(struct exchange *exchange) {
    exchange->put.done = exchange_done;
    atomic_store_explicit(&exchange->state, EXCHANGE_SUBMITTED, memory_order_release);
    store_put(exchange->intake->options.store, &exchange->put);
}

bool exchange_is_submitted(const struct exchange *exchange) {
    return atomic_load_explicit(&exchange->state, memory_order_acquire) != EXCHANGE_IDLE;
}

void exchange_wait(struct exchange *exchange) {
    uint32_t state = atomic_load_explicit(&exchange->state, memory_order_acquire);
    while (state != EXCHANGE_IDLE) {
        if (state == EXCHANGE_AWAITED ||
            atomic_compare_exchange_strong_explicit(&exchange->state, &state, EXCHANGE_AWAITED, memory_order_acq_rel,
                                                    memory_order_acquire)) {
            syscall(SYS_futex, &exchange->state, FUTEX_WAIT_PRIVATE, EXCHANGE_AWAITED, NULL, NULL, 0);
            state = atomic_load_explicit(&exchange->state, memory_order_acquire);
        }
    }
}

void exchange_trim(struct exchange *exchange) {
    if (exchange->body.capacity > KEEP_BODY)
        buffer_free(&exchange->body);
    if (exchange->json.capacity > KEEP_TOKENS)
        json_free(&exchange->json);
}

void exchange_release(struct exchange *exchange) {
    buffer_free(&exchange->unread);
    buffer_free(&exchange->body);
    buffer_free(&exchange->headers);
    buffer_free(&exchange->id);
    buffer_free(&exchange->type);
    buffer_free(&exchange->challenge);
    json_free(&exchange->json);
}
