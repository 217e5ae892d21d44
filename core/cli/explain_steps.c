#include "cli/explain_steps.h"

#include <string.h>
#include <strings.h>

#include "receive/guard.h"
#include "receive/request.h"

/* The path of a URL, or what begins with a slash itself. */
static struct bytes url_path(const char *url) {
    const char *host = strstr(url, "://"), *path = url;
    if (host)
        path = host + 3 + strcspn(host + 3, "/?#");
    struct bytes found = { path, strcspn(path, "?#") };
    return found.length > 0 ? found : bytes_of("/");
}

static enum diagnose_result explain_path(struct explain *explain, struct buffer *words) {
    const char *wanted = explain->source->path;
    if (!explain->url) {
        buffer_append_text(words, "give --url to have it judged");
        return DIAGNOSE_SKIPPED;
    }
    struct bytes path = url_path(explain->url);
    if (bytes_equal_text(path, wanted))
        return DIAGNOSE_OK;
    buffer_format(words, "%.*s is not the path of \"%s\", which is %s", (int)path.length, path.data,
                  explain->source->name, wanted);
    for (int i = 0; i < explain->setup->source_count; i++) {
        if (bytes_equal_text(path, explain->setup->sources[i].path)) {
            buffer_format(words, "; it is that of the source \"%s\"", explain->setup->sources[i].name);
            return DIAGNOSE_REFUSED;
        }
    }
    buffer_append_text(words, "; no source has it, and paths are compared to the letter, a slash at the end too");
    return DIAGNOSE_REFUSED;
}

static enum diagnose_result explain_address(struct explain *explain, struct buffer *words) {
    const struct setup_source *source = explain->source;
    const struct guard_request request = { explain->from, explain_header, &explain->headers };
    struct guard_sender sender;
    struct guard_names names;
    struct fault reason = { .text = "" };
    if (!explain->from && source->allow.count == 0)
        return DIAGNOSE_OK;
    if (!explain->from) {
        buffer_append_text(words, "the source has `allow`; give --from to have it judged");
        return DIAGNOSE_SKIPPED;
    }
    bool admitted = guard_admits(source, &request, &sender, &reason);
    guard_name(&sender, explain->from, &names);
    if (admitted && names.via[0])
        buffer_format(words, "sent by %s, as the proxy %s says", names.from, names.via);
    buffer_append_text(words, reason.text);
    return admitted ? DIAGNOSE_OK : DIAGNOSE_REFUSED;
}

/* The body as receive/ would look at it, with this type. */
static bool body_check(const struct explain *explain, const char *type, bool doubled, size_t length,
                       struct buffer *words) {
    struct fault reason = { .text = "" };
    struct request request = { .content_length = (int64_t)length,
                               .content_type = type,
                               .doubled_content_type = doubled };
    bool fine = request_check_body(&request, explain->setup->limits.body, &reason) == ANSWER_NONE;
    buffer_append_text(words, reason.text);
    return fine;
}

static enum diagnose_result explain_size(struct explain *explain, struct buffer *words) {
    bool fine = body_check(explain, "application/json", false, explain->body.length, words);
    return fine ? DIAGNOSE_OK : DIAGNOSE_REFUSED;
}

static enum diagnose_result explain_content_type(struct explain *explain, struct buffer *words) {
    struct bytes type, second;
    if (!explain_header(&explain->headers, "Content-Type", 0, &type)) {
        buffer_append_text(words, "no such --header was given; without one it would be refused");
        return DIAGNOSE_SKIPPED;
    }
    bool doubled = explain_header(&explain->headers, "Content-Type", 1, &second);
    if (body_check(explain, type.data, doubled, 0, words))
        return DIAGNOSE_OK;
    if (!doubled && strncasecmp(type.data, "application/x-www-form-urlencoded", 33) == 0)
        buffer_append_text(words, ": choose JSON at the sender, if it lets you");
    return DIAGNOSE_REFUSED;
}

static enum diagnose_result explain_signature(struct explain *explain, struct buffer *words) {
    return diagnose_signature(&explain->diagnose, words);
}

static enum diagnose_result explain_timestamp(struct explain *explain, struct buffer *words) {
    enum diagnose_result result = diagnose_timestamp(&explain->diagnose, words);
    if (result == DIAGNOSE_REFUSED && !explain->at_given)
        buffer_append_text(words, " (--at judges a request as of another time)");
    return result;
}

static enum diagnose_result explain_event(struct explain *explain, struct buffer *words) {
    const struct locate_room room = { &explain->json, &explain->id, &explain->type, &explain->challenge };
    const struct signature_scheme *scheme = &explain->source->scheme;
    struct fault reason = { .text = "" };
    explain->challenge.limit = ANSWER_TEXT_LIMIT;
    explain->located = locate_event(scheme, &explain->request, &room, &reason);
    buffer_append_text(words, reason.text);
    switch (explain->located) {
    case LOCATE_OK:
        return DIAGNOSE_OK;
    case LOCATE_CHALLENGE:
        buffer_append_text(words, "no event, but a challenge, which is answered");
        return DIAGNOSE_OK;
    case LOCATE_NOT_JSON:
        diagnose_body(explain->request.body, words);
        break;
    case LOCATE_NO_ID:
        diagnose_event(&explain->json, scheme->event_id, words);
        break;
    case LOCATE_NO_TYPE:
        diagnose_event(&explain->json, scheme->event_type, words);
        break;
    }
    return DIAGNOSE_REFUSED;
}

/* The rows that send an event to this plugin. */
static void rows_tell(const struct explain *explain, int plugin, struct bytes type, struct buffer *words) {
    int told = 0;
    for (int i = 0; i < explain->setup->route_count; i++) {
        const struct setup_route *row = &explain->setup->routes[i];
        bool leads = false;
        for (int j = 0; j < row->plugin_count; j++)
            leads = leads || row->plugins[j] == plugin;
        if (leads && setup_route_matches(row, bytes_of(explain->source->name), type))
            buffer_format(words, "%s%s%s%s", told++ ? ", " : " by ", row->source ? row->source : "",
                          row->source ? "/" : "", row->pattern);
    }
}

static enum diagnose_result explain_route(struct explain *explain, struct buffer *words) {
    int plugins[SETUP_PLUGIN_LIMIT];
    struct bytes type = { explain->type.data, explain->type.length };
    if (explain->located != LOCATE_OK) {
        buffer_append_text(words, explain->located == LOCATE_CHALLENGE ? "a challenge is not kept"
                                                                       : "the event's type is not known");
        return DIAGNOSE_SKIPPED;
    }
    int count = setup_route_event(explain->setup, bytes_of(explain->source->name), type, plugins);
    for (int i = 0; i < count; i++) {
        buffer_format(words, "%s%s", i ? "; " : "", explain->setup->plugins[plugins[i]].name);
        rows_tell(explain, plugins[i], type, words);
    }
    if (count > 0)
        return DIAGNOSE_OK;
    buffer_format(words, "unrouted: no route matches the type %.*s, so that it would be kept and delivered to none",
                  (int)type.length, type.data);
    return DIAGNOSE_REFUSED;
}

static const struct explain_step steps[] = {
    { "path", explain_path },
    { "address", explain_address },
    { "size", explain_size },
    { "content-type", explain_content_type },
    { "signature", explain_signature },
    { "timestamp", explain_timestamp },
    { "event", explain_event },
    { "route", explain_route },
    { NULL, NULL },
};

const struct explain_step *explain_steps(void) {
    return steps;
}
