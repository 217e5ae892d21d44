/* One request: which source, is it genuine, which event, which plugins, and then to the store. */
#include "receive/accept.h"

#include <string.h>

#include "base/clock.h"
#include "civetweb.h"
#include "event/event.h"
#include "event/locate.h"
#include "event/signature.h"
#include "receive/civetweb_unit.h"
#include "receive/guard.h"
#include "receive/intake.h"
#include "receive/request.h"

/* The path must be exactly the source's: no decoding, nothing behind it but a query. intake_no_source if none has it. */
static int find_source(const struct intake *intake, const char *path) {
    const struct setup *setup = intake->options.setup;
    for (int i = 0; i < setup->source_count; i++) {
        if (strcmp(setup->sources[i].path, path) == 0)
            return i;
    }
    return intake_no_source(intake);
}

static enum answer verify(struct exchange *exchange, const struct setup_source *source,
                          const struct signature_request *signature, int64_t now_ms, struct fault *reason) {
    struct signature_report report;
    enum signature_verdict verdict = signature_verify(&source->scheme, source->keys, source->key_count, signature,
                                                      now_ms, source->tolerance_ms, &report);
    if (verdict == SIGNATURE_OK) {
        struct intake_source *counts = &exchange->intake->sources[exchange->source];
        atomic_fetch_add_explicit(&counts->secrets[report.key_index], 1, memory_order_relaxed);
        exchange->put.secret = report.key_index + 1;
        return ANSWER_NONE;
    }
    signature_reason(&source->scheme, signature, verdict, &report, now_ms, source->tolerance_ms, reason);
    switch (verdict) {
    case SIGNATURE_TIMESTAMP_OLD:
    case SIGNATURE_TIMESTAMP_FUTURE:
        return ANSWER_TIMESTAMP;
    case SIGNATURE_UNAVAILABLE:
        return ANSWER_UNAVAILABLE;
    default:
        return ANSWER_SIGNATURE;
    }
}

static enum answer identify(struct exchange *exchange, const struct setup_source *source,
                            const struct signature_request *signature, struct fault *reason) {
    static const enum answer answers[] = {
        [LOCATE_OK] = ANSWER_NONE,        [LOCATE_NOT_JSON] = ANSWER_NOT_JSON, [LOCATE_CHALLENGE] = ANSWER_CHALLENGE,
        [LOCATE_NO_ID] = ANSWER_NO_EVENT, [LOCATE_NO_TYPE] = ANSWER_NO_EVENT,
    };
    exchange->challenge.limit = ANSWER_TEXT_LIMIT;
    const struct locate_room room = { &exchange->json, &exchange->id, &exchange->type, &exchange->challenge };
    return answers[locate_event(&source->scheme, signature, &room, reason)];
}

static void route(struct exchange *exchange, struct bytes source, struct bytes type) {
    struct intake *intake = exchange->intake;
    int plugins[SETUP_PLUGIN_LIMIT];
    exchange->put.plugin_count = setup_route_event(intake->options.setup, source, type, plugins);
    for (int i = 0; i < exchange->put.plugin_count; i++)
        exchange->plugins[i] = intake->options.plugin_numbers[plugins[i]];
    exchange->put.plugins = exchange->plugins;
}

/* Makes exchange->put of what was verified. */
static enum answer make_event(struct exchange *exchange, const struct setup_source *source,
                              const struct request *request, const struct signature_request *signature,
                              int64_t now_ms) {
    struct intake *intake = exchange->intake;
    struct bytes name = intake->sources[exchange->source].name;
    struct bytes id = { exchange->id.data, exchange->id.length }, type = { exchange->type.data, exchange->type.length };
    buffer_clear(&exchange->headers);
    if (!request_keep_headers(request, &source->scheme, &exchange->headers))
        log_debug(intake->options.log, "source \"%s\": an event's headers were too long to keep all of them",
                  source->name);
    exchange->put.event =
        event_make(now_ms, name, id, type, (struct bytes){ exchange->headers.data, exchange->headers.length },
                   (struct bytes){ exchange->body.data, exchange->body.length });
    if (exchange->put.event == NULL)
        return ANSWER_UNAVAILABLE;
    event_digest(name, id, exchange->put.digest);
    exchange->put.guarded = source->replay_guard;
    if (source->replay_guard && !signature_guard(&source->scheme, signature, name, exchange->put.guard)) {
        event_release(exchange->put.event);
        exchange->put.event = NULL;
        return ANSWER_UNAVAILABLE;
    }
    route(exchange, name, type);
    return ANSWER_NONE;
}

/* May the sender send here? */
static enum answer check_address(struct exchange *exchange, struct request *request, struct fault *reason) {
    const struct setup_source *source = &exchange->intake->options.setup->sources[exchange->source];
    const struct guard_request guarded = { exchange->from, request_header, request };
    return guard_admits(source, &guarded, &exchange->sender, reason) ? ANSWER_NONE : ANSWER_ADDRESS;
}

/* And not too much? What is refused for its head alone takes no token, as that costs no more than this does. What has a
 * wrong signature does: the rate is what the processor and the store are to bear, whoever it comes from. */
static enum answer check_rate(struct exchange *exchange, struct fault *reason) {
    enum { SECOND_NS = 1000 * 1000 * 1000 };
    const struct setup_source *source = &exchange->intake->options.setup->sources[exchange->source];
    if (source->rate.per_second <= 0)
        return ANSWER_NONE;
    int64_t wait_ns =
        guard_take(&exchange->intake->sources[exchange->source].bucket, &source->rate, clock_monotonic_us() * 1000);
    if (wait_ns == 0)
        return ANSWER_NONE;
    exchange->retry_after_s = (wait_ns + SECOND_NS - 1) / SECOND_NS;
    fault_set(reason, "over the source's `rate` of %g per second, after a burst of %lld", source->rate.per_second,
              (long long)source->rate.burst);
    return ANSWER_RATE;
}

/* The steps in their order; the first that does not give ANSWER_NONE ends it. */
static enum answer examine(struct exchange *exchange, struct request *request, struct fault *reason) {
    enum answer answer = ANSWER_NONE;
    const char *path = request->info->local_uri_raw, *method = request->info->request_method;
    exchange->source = find_source(exchange->intake, path);
    if (exchange->source == intake_no_source(exchange->intake)) {
        fault_set(reason, "no source has the path \"%.200s\"", path);
        return ANSWER_NOT_FOUND;
    }
    if ((answer = check_address(exchange, request, reason)) != ANSWER_NONE)
        return answer;
    if (strcmp(method, "POST") != 0) {
        fault_set(reason, "the method is %.32s, not POST", method);
        return ANSWER_METHOD;
    }
    const struct setup_source *source = &exchange->intake->options.setup->sources[exchange->source];
    if ((answer = request_check_body(request, exchange->intake->options.setup->limits.body, reason)) != ANSWER_NONE)
        return answer;
    if ((answer = check_rate(exchange, reason)) != ANSWER_NONE)
        return answer;
    if ((answer = request_read_body(request, exchange, reason)) != ANSWER_NONE)
        return answer;

    int64_t now_ms = clock_wall_ms();
    struct signature_request signature = {
        .header = request_header,
        .context = request,
        .body = { exchange->body.data, exchange->body.length },
        .url = source->url,
    };
    if ((answer = verify(exchange, source, &signature, now_ms, reason)) != ANSWER_NONE)
        return answer;
    if ((answer = identify(exchange, source, &signature, reason)) != ANSWER_NONE)
        return answer;
    return make_event(exchange, source, request, &signature, now_ms);
}

/* Answers without the store. `text` stands in place of the answer's own; null for that. */
static void respond(struct exchange *exchange, struct mg_connection *connection, enum answer answer,
                    struct bytes text) {
    struct intake *intake = exchange->intake;
    const struct mg_request_info *info = mg_get_request_info(connection);
    bool ends = exchange->closes || civetweb_body_is_unread(connection), stopping = atomic_load(&intake->stopping);
    struct answer_bytes bytes;
    struct answer_style style = {
        .closes = ends || stopping || !civetweb_keeps_alive(connection),
        .no_body = info->request_method != NULL && strcmp(info->request_method, "HEAD") == 0,
        .text = text,
        .retry_after_s = exchange->retry_after_s,
    };
    intake_count(intake, exchange->source, answer);
    answer_format(&bytes, answer, &style);
    bool sent = answer_send(civetweb_socket(connection), &bytes, &exchange->date);
    if (!sent)
        atomic_fetch_add_explicit(&intake->unsent, 1, memory_order_relaxed);
    intake_time(intake, clock_monotonic_us() - exchange->begun_us);
    if (style.closes)
        civetweb_set_closing(connection);
    exchange->lingers = ends && sent && !stopping;
}

/* Keeps it for who asks, and logs it. */
static void refusal_note(struct intake *intake, int source_number, enum answer answer, const struct guard_names *names,
                         const char *why) {
    struct intake_source *source = &intake->sources[source_number];
    const struct answer_row *row = answer_row(answer);
    bool proxied = names->via[0] != '\0';
    intake_refused(intake, source_number, answer, names->from, names->via, why);
    bool named = source->name.length > 0;
    const struct log_field fields[] = { log_text(LOG_SOURCE, named ? source->name.data : NULL),
                                        log_text(LOG_RESULT, row->name), log_text(LOG_FROM, names->from),
                                        log_text(LOG_VIA, proxied ? names->via : NULL), log_text(LOG_REASON, why) };
    log_event(intake->options.log, LOG_LEVEL_INFO, &source->refusal_lines, fields, sizeof fields / sizeof *fields,
              "refused with %d, from %s%s%s to %s%s: %s", row->status, names->from, proxied ? " via " : "", names->via,
              named ? "source " : "no source", source->name.data, why);
}

static void refuse(struct exchange *exchange, struct mg_connection *connection, enum answer answer,
                   const struct fault *reason) {
    const char *why = reason->text[0] != '\0' ? reason->text : answer_row(answer)->reason;
    /* Of a genuine sender only: its mistakes in the payload are worth a word. */
    bool tells = answer == ANSWER_NOT_JSON || answer == ANSWER_NO_EVENT;
    struct guard_names names;
    guard_name(&exchange->sender, exchange->from, &names);
    refusal_note(exchange->intake, exchange->source, answer, &names, why);
    respond(exchange, connection, answer, bytes_of(tells ? why : NULL));
}

void accept_nobody(struct intake *intake, int socket, const char *from, enum answer answer, const char *why) {
    struct answer_bytes bytes;
    struct answer_date date = { 0 };
    const struct answer_style style = { .closes = true };
    struct guard_names names = { .via = "" };
    snprintf(names.from, sizeof(names.from), "%s", from);
    intake_count(intake, intake_no_source(intake), answer);
    refusal_note(intake, intake_no_source(intake), answer, &names, why);
    answer_format(&bytes, answer, &style);
    if (!answer_send(socket, &bytes, &date))
        atomic_fetch_add_explicit(&intake->unsent, 1, memory_order_relaxed);
}

static void meet_challenge(struct exchange *exchange, struct mg_connection *connection) {
    struct intake_source *source = &exchange->intake->sources[exchange->source];
    struct guard_names names;
    guard_name(&exchange->sender, exchange->from, &names);
    const struct log_field fields[] = { log_text(LOG_SOURCE, source->name.data),
                                        log_text(LOG_RESULT, answer_row(ANSWER_CHALLENGE)->name),
                                        log_text(LOG_FROM, names.from),
                                        log_text(LOG_VIA, names.via[0] != '\0' ? names.via : NULL) };
    log_event(exchange->intake->options.log, LOG_LEVEL_INFO, &source->refusal_lines, fields,
              sizeof fields / sizeof *fields,
              "source %s: its sender asked whether this address knows the secret, and was answered", source->name.data);
    respond(exchange, connection, ANSWER_CHALLENGE,
            (struct bytes){ exchange->challenge.data, exchange->challenge.length });
}

int accept_request(struct exchange *exchange, struct mg_connection *connection) {
    struct intake *intake = exchange->intake;
    struct request request;
    struct fault reason;
    reason.text[0] = '\0';
    exchange->source = intake_no_source(intake);
    exchange->sender = (struct guard_sender){ 0 };
    exchange->retry_after_s = 0;
    exchange->closes = false;
    exchange->socket = civetweb_socket(connection);

    enum answer answer = request_read_head(&request, connection, &reason);
    if (answer == ANSWER_NONE)
        answer = examine(exchange, &request, &reason);
    else
        exchange->closes = true; /* where this request ends is anybody's guess */
    if (answer != ANSWER_NONE) {
        if (answer == ANSWER_CHALLENGE)
            meet_challenge(exchange, connection);
        else
            refuse(exchange, connection, answer, &reason);
        exchange_trim(exchange);
        return answer_row(answer)->status;
    }
    exchange_trim(exchange);
    exchange->closes =
        atomic_load_explicit(&intake->stopping, memory_order_relaxed) || !civetweb_keeps_alive(connection);
    if (exchange->closes)
        civetweb_set_closing(connection);
    exchange_submit(exchange);
    return answer_row(ANSWER_ACCEPTED)->status;
}

void accept_garbage(struct exchange *exchange, struct mg_connection *connection, int status) {
    struct fault reason;
    reason.text[0] = '\0';
    exchange->source = intake_no_source(exchange->intake);
    exchange->sender = (struct guard_sender){ 0 };
    exchange->retry_after_s = 0;
    exchange->closes = true;
    int64_t limit_ms = exchange->intake->options.setup->limits.request_timeout_ms;
    enum answer answer = request_unreadable(connection, status, civetweb_waited_ms(connection) >= limit_ms);
    refuse(exchange, connection, answer, &reason);
}
