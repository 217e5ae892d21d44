/* grapnel send: signs as the source's sender would, and posts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/http.h"
#include "cli/read_file.h"
#include "cli/send_event.h"
#include "cli/setup_load.h"
#include "cli/target.h"
#include "event/event.h"
#include "event/locate.h"

enum { SEND_COUNT_LIMIT = 1000000, SEND_LINES = 10, SEND_PROGRESS_MS = 1000 };

const struct command_option send_options[] = {
    COMMAND_OPTION_CONFIG,
    { "source", 's', "NAME", "the source of the config file to send as (required if it has several)" },
    { "type", 't', "TYPE", "the event's type; default that of the sender's example, or what the data says" },
    { "id", 'i', "ID", "the event's id; default a new one, or what the data says; with --count, -1, -2 … are added" },
    { "data", 'd', "FILE", "the event itself, - for standard input; default the sender's example, as a new event" },
    { "url", 'u', "URL",
      "where to; default the first listen address of plain HTTP, else of HTTPS, and the source's path" },
    { "cacert", 0, "FILE",
      "trust these authorities (PEM); default $CURL_CA_BUNDLE, else $SSL_CERT_FILE, else the system's" },
    { "count", 'n', "N", "send so many, each with an id of its own; default 1. More than 10 get one line in all" },
    { 0 },
};

/* What one run of the command works with. */
struct send {
    const struct setup_source *source;
    struct http *http;
    const char *url;
    struct send_wish wish;
    int64_t count, sent, accepted, duplicate, refused;
    struct buffer body, headers, answer, id;
};

/* The first one of plain HTTP, if there is one: no certificate is for a loopback address. */
static const struct setup_listen *send_listen(const struct setup *setup) {
    for (int i = 0; i < setup->listen_count; i++) {
        if (setup->listens[i].tls.count == 0)
            return &setup->listens[i];
    }
    return &setup->listens[0];
}

/* http://ADDRESS:PORT/path; where the address is any address, loopback. */
static bool send_default_url(const struct setup *setup, const struct setup_source *source, struct buffer *url,
                             struct fault *fault) {
    const struct setup_listen *listen = send_listen(setup);
    const char *address = listen->address, *scheme = listen->tls.count > 0 ? "https" : "http";
    const char *port = strrchr(address, ':');
    bool any = port == address || strncmp(address, "0.0.0.0:", 8) == 0;
    if (!port || strcmp(port, ":0") == 0)
        return fault_set(fault, "the config's first listen address %s has no fixed port; say with --url where to send",
                         address);
    if (any)
        buffer_format(url, "%s://127.0.0.1%s%s", scheme, port, source->path);
    else if (strncmp(address, "[::]:", 5) == 0)
        buffer_format(url, "%s://[::1]%s%s", scheme, port, source->path);
    else
        buffer_format(url, "%s://%s%s", scheme, address, source->path);
    return !url->failed || fault_set(fault, "out of memory");
}

/* Name: value lines, as the receiver will ask for them. */
static bool send_header(void *context, const char *name, int count, struct bytes *value) {
    const struct buffer *headers = context;
    for (const char *line = headers->data, *end = line + headers->length; line < end;) {
        const char *stop = memchr(line, '\r', (size_t)(end - line)), *colon = memchr(line, ':', (size_t)(end - line));
        if (!stop || !colon)
            return false;
        if (bytes_equal_nocase((struct bytes){ line, (size_t)(colon - line) }, bytes_of(name)) && count-- == 0) {
            *value = (struct bytes){ colon + 1, (size_t)(stop - colon - 1) };
            return true;
        }
        line = stop + 2;
    }
    return false;
}

/* The event's id as the receiver will see it, or nothing where it has none. */
static void send_find_id(struct send *send, struct bytes body) {
    struct json json = { 0 };
    struct signature_request request = { .header = send_header, .context = &send->headers, .body = body };
    buffer_clear(&send->id);
    if (json_parse(&json, body, NULL))
        locate_value(send->source->scheme.event_id, &json, &request, EVENT_ID_LIMIT, &send->id, NULL);
    json_free(&json);
}

static long send_post(struct send *send, const char *id, struct bytes body, struct fault *fault) {
    const struct setup_source *source = send->source;
    if (!signature_sign(&source->scheme, source->keys[0], id, clock_wall_ms() / 1000,
                        source->url ? source->url : send->url, body, &send->headers, fault))
        return 0;
    return http_post(send->http, send->url, (struct bytes){ send->headers.data, send->headers.length }, body,
                     &send->answer, fault);
}

static void send_count(struct send *send, long status) {
    send->sent++;
    if (status == 200 && strstr(buffer_text(&send->answer), "\"duplicate\":true"))
        send->duplicate++;
    else if (status >= 200 && status < 300)
        send->accepted++;
    else
        send->refused++;
}

/* What stands in a header was made here, whatever the data says. */
static bool send_id_is_header(const struct setup_source *source) {
    const char *part = source->scheme.event_id[0];
    return strncmp(part, "header:", 7) == 0;
}

static bool send_one(struct send *send, int64_t number, struct fault *fault) {
    char fresh[SEND_ID_SIZE];
    struct buffer numbered = { 0 };
    struct send_wish wish = send->wish;
    bool renew = !wish.id && (!wish.has_data || send->count > 1);
    buffer_clear(&send->body);
    buffer_clear(&send->headers);
    if (!send_new_id(send_example_of(send->source->scheme.name), fresh, fault))
        return false;
    if (wish.id && send->count > 1) {
        buffer_format(&numbered, "%s-%lld", wish.id, (long long)number);
        wish.id = buffer_text(&numbered);
    }
    long status = 0;
    if (send_make_event(send->source, &wish, fresh, renew, &send->body, &send->headers, fault)) {
        struct bytes body = { send->body.data ? send->body.data : "", send->body.length };
        status = send_post(send, wish.id ? wish.id : fresh, body, fault);
        send_find_id(send, body);
    }
    if (status) {
        bool told = wish.id || renew || send_id_is_header(send->source);
        send_count(send, status);
        if (send->count <= SEND_LINES) {
            printf("%ld ", status);
            print_escaped((struct bytes){ send->answer.data, send->answer.length });
            if (told && send->id.length) {
                printf("  id ");
                print_escaped((struct bytes){ send->id.data, send->id.length });
            }
            printf("\n");
        }
    }
    buffer_free(&numbered);
    return status != 0;
}

static bool send_all(struct send *send, struct fault *fault) {
    int64_t told = clock_monotonic_ms();
    bool sent = true;
    for (int64_t number = 1; sent && number <= send->count; number++) {
        sent = send_one(send, number, fault);
        int64_t now = clock_monotonic_ms();
        if (sent && now - told >= SEND_PROGRESS_MS && send->count > SEND_LINES && isatty(STDERR_FILENO)) {
            fprintf(stderr, "sent %lld of %lld\n", (long long)number, (long long)send->count);
            told = now;
        }
    }
    if (send->count > SEND_LINES || (!sent && send->count > 1))
        printf("sent %lld of %lld: %lld accepted, %lld duplicate, %lld refused\n", (long long)send->sent,
               (long long)send->count, (long long)send->accepted, (long long)send->duplicate, (long long)send->refused);
    fflush(stdout); /* before what stderr says about it */
    return sent;
}

/* Sorts out the arguments that need no config. Returns the exit code if they are wrong. */
static int send_read(struct send *send, const struct arguments *arguments, struct buffer *data, struct fault *fault) {
    const char *count = argument_value(arguments, "count"), *file = argument_value(arguments, "data");
    send->count = 1;
    send->url = argument_value(arguments, "url");
    if (count && (!integer_parse(count, &send->count) || send->count < 1 || send->count > SEND_COUNT_LIMIT))
        return command_misused(arguments->command, "--count is a number from 1 to %d, not \"%s\"", SEND_COUNT_LIMIT,
                               count);
    if (send->url && strncmp(send->url, "http://", 7) != 0 && strncmp(send->url, "https://", 8) != 0)
        return command_misused(arguments->command, "--url begins with http:// or https://, not \"%s\"", send->url);
    for (const char *const *given = (const char *const[]){ "id", "type", NULL }; *given; given++) {
        const char *text = argument_value(arguments, *given);
        if (text && !text_is_utf8(text))
            return command_misused(arguments->command, "--%s must be UTF-8, and is not", *given);
    }
    if (file && !read_file(file, data, fault))
        return EXIT_FAILED;
    send->wish = (struct send_wish){ .type = argument_value(arguments, "type"),
                                     .id = argument_value(arguments, "id"),
                                     .data = { data->data, data->length },
                                     .has_data = file != NULL };
    return EXIT_DONE;
}

/* What libcurl leaves to its users: the variables that those of curl know. */
static const char *send_authorities(const struct arguments *arguments) {
    const char *given = argument_value(arguments, "cacert"), *bundle = getenv("CURL_CA_BUNDLE"),
               *file = getenv("SSL_CERT_FILE");
    if (given)
        return given;
    return bundle && bundle[0] ? bundle : file && file[0] ? file : NULL;
}

/* What is to be sent where, of the config. */
static int send_prepare(struct send *send, const struct arguments *arguments, const struct setup *setup,
                        struct buffer *url, struct fault *fault) {
    send->source = setup_choose_source(arguments, setup, fault);
    if (!send->source || !send_check_wish(send->source, &send->wish, fault) ||
        (!send->url && !send_default_url(setup, send->source, url, fault))) {
        command_misused(arguments->command, "%s", fault->text);
        fault->text[0] = '\0';
        return EXIT_USAGE;
    }
    send->url = send->url ? send->url : buffer_text(url);
    send->http = http_open(fault);
    if (send->http)
        http_trust(send->http, send_authorities(arguments));
    return send->http && send_all(send, fault) && !send->refused ? EXIT_DONE : EXIT_FAILED;
}

int send_run(const struct arguments *arguments) {
    struct place place = { 0 };
    struct fault fault = { .text = "" };
    struct send send = { 0 };
    struct buffer data = { 0 }, url = { 0 };
    struct setup *setup = NULL;
    int code = send_read(&send, arguments, &data, &fault);
    if (code == EXIT_DONE && !place_find(&place, &fault))
        code = EXIT_FAILED;
    if (code == EXIT_DONE && !(setup = setup_load_quietly(arguments, &place, false)))
        code = EXIT_FAILED;
    else if (code == EXIT_DONE)
        code = send_prepare(&send, arguments, setup, &url, &fault);
    if (fault.text[0])
        fprintf(stderr, "grapnel send: %s\n", fault.text);
    http_close(send.http);
    buffer_free(&data);
    buffer_free(&url);
    buffer_free(&send.body);
    buffer_free(&send.headers);
    buffer_free(&send.answer);
    buffer_free(&send.id);
    setup_free(setup);
    return code;
}
