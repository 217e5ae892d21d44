/* The keys of the JSON form beside time, level and message. They only grow: programs rely on them. README.md has the same list. */
#include "base/log.h"

static const struct log_key_row rows[LOG_KEYS] = {
    [LOG_PLUGIN] = { "plugin", LOG_KIND_TEXT, "the plugin's name in the config" },
    [LOG_SOURCE] = { "source", LOG_KIND_TEXT, "the source's name in the config" },
    [LOG_ID] = { "id", LOG_KIND_TEXT, "the event's id" },
    [LOG_TYPE] = { "type", LOG_KIND_TEXT, "the event's type" },
    [LOG_ATTEMPT] = { "attempt", LOG_KIND_NUMBER, "which attempt at the delivery it was, from 1" },
    [LOG_OUTCOME] = { "outcome", LOG_KIND_TEXT, "what came of it: `ok`, `retry`, `busy`, `fail`, `crash`, `deadline`" },
    [LOG_REASON] = { "reason", LOG_KIND_TEXT,
                     "why: of a dead letter `fail`, `attempts`, `give_up` or `poison`; of a refusal in words" },
    [LOG_ERROR] = { "error", LOG_KIND_TEXT, "what the plugin, or the system, said" },
    [LOG_NEXT] = { "next", LOG_KIND_TIME, "when it is tried again" },
    [LOG_DURATION_MS] = { "duration_ms", LOG_KIND_DURATION, "how long it took" },
    [LOG_WORKER] = { "worker", LOG_KIND_NUMBER, "the worker's process id" },
    [LOG_BREAKER] = { "breaker", LOG_KIND_TEXT, "how the plugin's breaker stands now" },
    [LOG_RESULT] = { "result", LOG_KIND_TEXT, "what became of a request, as in the metrics" },
    [LOG_FROM] = { "from", LOG_KIND_TEXT, "the sender's address" },
    [LOG_VIA] = { "via", LOG_KIND_TEXT, "the trusted proxy that spoke for the sender" },
    [LOG_SECONDS] = { "seconds", LOG_KIND_NUMBER, "the time that the counts of this line are for" },
    [LOG_ACCEPTED] = { "accepted", LOG_KIND_NUMBER, "events that were accepted" },
    [LOG_UNROUTED] = { "unrouted", LOG_KIND_NUMBER, "of them, those that no route matched" },
    [LOG_DUPLICATE] = { "duplicate", LOG_KIND_NUMBER, "events that had been accepted before" },
    [LOG_REFUSED] = { "refused", LOG_KIND_NUMBER, "requests that were refused" },
    [LOG_DELIVERED] = { "delivered", LOG_KIND_NUMBER, "deliveries that succeeded" },
    [LOG_FAILED] = { "failed", LOG_KIND_NUMBER, "attempts that failed" },
    [LOG_DEAD] = { "dead", LOG_KIND_NUMBER, "deliveries that became dead letters" },
};

const struct log_key_row *log_key_row(enum log_key key) {
    return &rows[key];
}
