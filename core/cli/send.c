/* grapnel send: signs as the source's sender would, and posts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/http.h"
#include "cli/send_event.h"
#include "cli/setup_load.h"

enum { SEND_COUNT_LIMIT = 1000000, SEND_DATA_LIMIT = 64 * 1024 * 1024, SEND_LINES = 10, SEND_PROGRESS_MS = 1000 };

const struct command_option send_options[] = {
    COMMAND_OPTION_CONFIG,
    { "source", 's', "NAME", "the source of the config file to send as (required if it has several)" },
    { "type", 't', "TYPE", "the event's type; default payment.succeeded, or what the data says" },
    { "id", 'i', "ID", "the event's id; default a new one, or what the data says" },
    { "data", 'd', "FILE", "the event itself, - for standard input; default a small made-up one" },
    { "url", 'u', "URL", "where to; default the config's first listen address and the source's path" },
    { "count", 'n', "N", "send so many, each with an id of its own; default 1" },
    { 0 },
};

/* What one run of the command works with. */
struct send {
    const struct setup_source *source;
    struct http *http;
    const char *url;
    struct send_wish wish;
    int64_t count, accepted, duplicate, refused;
    struct buffer body, headers, answer;
};

static const struct setup_source *send_source(const struct setup *setup, const char *name, struct fault *fault) {
    if (!name && setup->source_count == 1)
        return &setup->sources[0];
    const char *names[SETUP_SOURCE_LIMIT + 1] = { 0 };
    struct buffer all = { 0 };
    for (int i = 0; i < setup->source_count; i++) {
        names[i] = setup->sources[i].name;
        buffer_format(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const struct setup_source *source = name ? setup_source_by_name(setup, name) : NULL;
    const char *near = name ? nearest_name(name, names) : NULL;
    if (!name)
        fault_set(fault, "say with --source who is to send: %s", buffer_text(&all));
    else if (!source)
        fault_set(fault, "no source \"%s\" in %s%s%s%s (there are: %s)", name, setup->path,
                  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", buffer_text(&all));
    buffer_free(&all);
    return source;
}

/* http://ADDRESS:PORT/path of the first listen address; where that is any address, loopback. */
static bool send_default_url(const struct setup *setup, const struct setup_source *source, struct buffer *url,
                             struct fault *fault) {
    const char *address = setup->listens[0].address;
    const char *port = strrchr(address, ':');
    bool any = port == address || strncmp(address, "0.0.0.0:", 8) == 0;
    if (!port || strcmp(port, ":0") == 0)
        return fault_set(fault, "the config's first listen address %s has no fixed port; say with --url where to send",
                         address);
    if (any)
        buffer_format(url, "http://127.0.0.1%s%s", port, source->path);
    else if (strncmp(address, "[::]:", 5) == 0)
        buffer_format(url, "http://[::1]%s%s", port, source->path);
    else
        buffer_format(url, "http://%s%s", address, source->path);
    return !url->failed || fault_set(fault, "out of memory");
}

static bool send_read_data(const char *path, struct buffer *data, struct fault *fault) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file)
        return fault_set(fault, "%s: %s", path, strerror(errno));
    data->limit = SEND_DATA_LIMIT;
    char *room;
    size_t count;
    while ((room = buffer_reserve(data, 64 * 1024)) && (count = fread(room, 1, 64 * 1024, file)) > 0)
        data->length += count;
    bool failed = ferror(file) != 0;
    if (file != stdin)
        fclose(file);
    if (failed)
        return fault_set(fault, "%s: %s", path, strerror(errno));
    return !data->failed || fault_set(fault, "%s: longer than 64MiB", path);
}

/* One event: made, signed, posted, told. False when it could not be sent at all. */
static bool send_one(struct send *send, int64_t number, struct fault *fault) {
    char made_up[SEND_ID_SIZE];
    struct buffer numbered = { 0 };
    struct send_wish wish = send->wish;
    buffer_clear(&send->body);
    buffer_clear(&send->headers);
    if (wish.id && send->count > 1) {
        buffer_format(&numbered, "%s-%lld", wish.id, (long long)number);
        wish.id = buffer_text(&numbered);
    } else if (!wish.id && (!wish.has_data || send->count > 1)) {
        if (!send_new_id(made_up, fault))
            return false;
        wish.id = made_up;
    }
    struct bytes body = { 0 };
    bool ready = buffer_append_text(&send->headers, "Content-Type: application/json\r\n") &&
                 send_make_event(send->source, &wish, &send->body, &send->headers, fault);
    if (ready) {
        body = (struct bytes){ send->body.data ? send->body.data : "", send->body.length };
        ready =
            signature_sign(&send->source->scheme, send->source->keys[0], wish.id ? wish.id : "", clock_wall_ms() / 1000,
                           send->source->url ? send->source->url : send->url, body, &send->headers, fault);
    }
    struct bytes headers = { send->headers.data, send->headers.length };
    long status = ready ? http_post(send->http, send->url, headers, body, &send->answer, fault) : 0;
    if (status == 200 && strstr(buffer_text(&send->answer), "\"duplicate\":true"))
        send->duplicate++;
    else if (status >= 200 && status < 300)
        send->accepted++;
    else
        send->refused++;
    if (status && send->count <= SEND_LINES)
        printf("%ld %s%s%s\n", status, buffer_text(&send->answer), wish.id ? "  id " : "", wish.id ? wish.id : "");
    buffer_free(&numbered);
    return status != 0;
}

static bool send_all(struct send *send, struct fault *fault) {
    int64_t told = clock_monotonic_ms();
    for (int64_t number = 1; number <= send->count; number++) {
        if (!send_one(send, number, fault))
            return false;
        int64_t now = clock_monotonic_ms();
        if (now - told >= SEND_PROGRESS_MS && send->count > SEND_LINES && isatty(STDERR_FILENO)) {
            fprintf(stderr, "sent %lld of %lld\n", (long long)number, (long long)send->count);
            told = now;
        }
    }
    if (send->count > SEND_LINES)
        printf("sent %lld: %lld accepted, %lld duplicate, %lld refused\n", (long long)send->count,
               (long long)send->accepted, (long long)send->duplicate, (long long)send->refused);
    return true;
}

/* Sorts out the arguments; false with the reason. */
static bool send_prepare(struct send *send, const struct arguments *arguments, const struct setup *setup,
                         struct buffer *data, struct buffer *url, struct fault *fault) {
    const char *count = argument_value(arguments, "count"), *file = argument_value(arguments, "data");
    send->count = 1;
    if (count && (!integer_parse(count, &send->count) || send->count < 1 || send->count > SEND_COUNT_LIMIT))
        return fault_set(fault, "--count is a number from 1 to %d, not \"%s\"", SEND_COUNT_LIMIT, count);
    send->source = send_source(setup, argument_value(arguments, "source"), fault);
    if (!send->source || (file && !send_read_data(file, data, fault)))
        return false;
    send->url = argument_value(arguments, "url");
    if (!send->url && !send_default_url(setup, send->source, url, fault))
        return false;
    send->url = send->url ? send->url : buffer_text(url);
    send->wish = (struct send_wish){ .type = argument_value(arguments, "type"),
                                     .id = argument_value(arguments, "id"),
                                     .data = { data->data, data->length },
                                     .has_data = file != NULL };
    if (!send->wish.type && !file)
        send->wish.type = "payment.succeeded";
    send->http = http_open(fault);
    return send->http != NULL;
}

int send_run(const struct arguments *arguments) {
    struct place place = { 0 };
    struct fault fault = { 0 };
    struct send send = { 0 };
    struct buffer data = { 0 }, url = { 0 };
    struct setup *setup = NULL;
    bool sent = place_find(&place, &fault);
    if (sent && !(setup = setup_load(arguments, &place)))
        return EXIT_FAILED;
    sent = sent && send_prepare(&send, arguments, setup, &data, &url, &fault) && send_all(&send, &fault);
    if (!sent)
        fprintf(stderr, "grapnel send: %s\n", fault.text[0] ? fault.text : "out of memory");
    http_close(send.http);
    buffer_free(&data);
    buffer_free(&url);
    buffer_free(&send.body);
    buffer_free(&send.headers);
    buffer_free(&send.answer);
    setup_free(setup);
    return sent && !send.refused ? EXIT_DONE : EXIT_FAILED;
}
