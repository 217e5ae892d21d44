/* A grapnel-host under test: host_run in a forked child, the daemon's end of its socket here. */
#ifndef TEST_HOST_RIG_H
#define TEST_HOST_RIG_H

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "grapnel/plugin.h"
#include "host/host.h"
#include "host/wire.h"

enum { RIG_PATIENCE_MS = 60000 };

struct rig {
    char folder[64]; /* of this test, removed at its end */
    int socket;
    pid_t child;
    struct wire_page *page;
    struct buffer in, out;
    size_t used;
    int64_t deadline_ms;
};

static inline void rig_folder(struct rig *rig) {
    *rig = (struct rig){ .socket = -1, .deadline_ms = 5000 };
    strcpy(rig->folder, "/tmp/grapnel-host-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
}

/* The file in the rig's folder; good until the fourth call from here. */
static inline const char *rig_path(const struct rig *rig, const char *name) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", rig->folder, name);
    return path;
}

/* A plugin of the build: `kind` is "tests/plugins" or "plugins". This executable is BUILD/tests/unit/host/NAME. */
static inline const char *rig_plugin(const char *kind, const char *name) {
    static char path[512];
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    char *end = strstr(self, "/tests/unit/host/");
    assert_non_null(end);
    *end = '\0';
    snprintf(path, sizeof path, "%s/%s/%s.so", self, kind, name);
    return path;
}

static inline void rig_start(struct rig *rig) {
    int sockets[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    rig->page = mmap(NULL, WIRE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(rig->page != MAP_FAILED);
    fflush(NULL);
    rig->child = fork();
    assert_true(rig->child >= 0);
    if (rig->child == 0) {
        close(sockets[0]);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* so that RLIMIT_FSIZE can stand in for a full disk */
        static const int caught[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE }; /* by cmocka, or a sanitizer */
        for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
            signal(caught[i], SIG_DFL);
        exit(host_run(sockets[1], rig->page));
    }
    close(sockets[1]);
    rig->socket = sockets[0];
}

static inline void rig_send(struct rig *rig) {
    assert_false(rig->out.failed);
    for (size_t sent = 0; sent < rig->out.length;) {
        ssize_t count = send(rig->socket, rig->out.data + sent, rig->out.length - sent, MSG_NOSIGNAL);
        assert_true(count > 0);
        sent += (size_t)count;
    }
    buffer_clear(&rig->out);
}

/* The next frame, whatever it is; its texts live until the next call. False when the host is gone. */
static inline bool rig_receive(struct rig *rig, struct wire_frame *frame) {
    for (;;) {
        buffer_consume(&rig->in, rig->used);
        rig->used = 0;
        enum wire_status status =
            rig->in.length ? wire_parse((struct bytes){ rig->in.data, rig->in.length }, frame, &rig->used) : WIRE_MORE;
        assert_int_not_equal(status, WIRE_GARBAGE);
        if (status == WIRE_FRAME)
            return true;
        rig->used = 0;
        struct pollfd entry = { .fd = rig->socket, .events = POLLIN };
        assert_int_equal(poll(&entry, 1, RIG_PATIENCE_MS), 1);
        char *room = buffer_reserve(&rig->in, 65536);
        assert_non_null(room);
        ssize_t count = read(rig->socket, room, 65536);
        if (count <= 0)
            return false;
        rig->in.length += (size_t)count;
    }
}

static inline void rig_expect(struct rig *rig, enum wire_type type, struct wire_frame *frame) {
    assert_true(rig_receive(rig, frame));
    assert_int_equal(frame->type, type);
}

static inline void rig_put_start(struct rig *rig, const char *file) {
    size_t begun = wire_begin(&rig->out, WIRE_START);
    wire_put_number(&rig->out, rig->deadline_ms);
    wire_put_number(&rig->out, 0);
    wire_put_number(&rig->out, 0);
    wire_put_number(&rig->out, 0);
    wire_put_text(&rig->out, bytes_of("test"));
    wire_put_text(&rig->out, bytes_of(file));
    wire_put_text(&rig->out, bytes_of(rig->folder));
    wire_end(&rig->out, begun);
}

/* `settings`: path, text, path, text, …, null. */
static inline void rig_put_init(struct rig *rig, enum wire_init mode, const char *const *settings) {
    int count = 0;
    while (settings && settings[2 * count])
        count++;
    size_t begun = wire_begin(&rig->out, WIRE_INIT);
    wire_put_number(&rig->out, mode);
    wire_put_number(&rig->out, count);
    for (int i = 0; i < count; i++) {
        wire_put_text(&rig->out, bytes_of(settings[2 * i]));
        wire_put_number(&rig->out, GRAPNEL_TEXT);
        wire_put_text(&rig->out, bytes_of(settings[2 * i + 1]));
        wire_put_number(&rig->out, strtol(settings[2 * i + 1], NULL, 10));
    }
    wire_end(&rig->out, begun);
}

static inline void rig_put_event(struct rig *rig, int64_t sequence, bool alone, const char *body) {
    char id[32], key[32];
    snprintf(id, sizeof id, "e%lld", (long long)sequence);
    snprintf(key, sizeof key, "key%lld", (long long)sequence);
    size_t begun = wire_begin(&rig->out, WIRE_EVENT);
    wire_put_number(&rig->out, sequence);
    wire_put_number(&rig->out, 1);
    wire_put_number(&rig->out, alone);
    wire_put_number(&rig->out, 1769860800000);
    wire_put_text(&rig->out, bytes_of("shop"));
    wire_put_text(&rig->out, bytes_of(id));
    wire_put_text(&rig->out, bytes_of("order.paid"));
    wire_put_text(&rig->out, bytes_of(key));
    wire_put_text(&rig->out, bytes_of("content-type: application/json\nx-shop: a: b\n"));
    wire_put_text(&rig->out, bytes_of(body));
    wire_end(&rig->out, begun);
}

static inline void rig_put_stop(struct rig *rig) {
    wire_end(&rig->out, wire_begin(&rig->out, WIRE_STOP));
}

/* Up to READY; returns its code. */
static inline int64_t rig_ready(struct rig *rig, const char *kind, const char *plugin, const char *const *settings) {
    struct wire_frame frame;
    rig_start(rig);
    rig_put_start(rig, rig_plugin(kind, plugin));
    rig_put_init(rig, WIRE_INIT_RUN, settings);
    rig_send(rig);
    rig_expect(rig, WIRE_HELLO, &frame);
    rig_expect(rig, WIRE_READY, &frame);
    return wire_get_number(&frame);
}

struct rig_outcome {
    int64_t sequence, code, after_ms, duration_us;
    char text[WIRE_TEXT_LIMIT + 1];
};

static inline struct rig_outcome rig_outcome(struct rig *rig) {
    struct wire_frame frame;
    struct rig_outcome outcome;
    rig_expect(rig, WIRE_OUTCOME, &frame);
    outcome.sequence = wire_get_number(&frame);
    outcome.code = wire_get_number(&frame);
    outcome.after_ms = wire_get_number(&frame);
    outcome.duration_us = wire_get_number(&frame);
    snprintf(outcome.text, sizeof outcome.text, "%s", wire_get_text(&frame).data);
    assert_true(wire_finished(&frame));
    assert_true(outcome.duration_us >= 0);
    return outcome;
}

static inline void rig_expect_outcome(struct rig *rig, int64_t sequence, int64_t code) {
    struct rig_outcome outcome = rig_outcome(rig);
    assert_int_equal(outcome.sequence, sequence);
    assert_int_equal(outcome.code, code);
}

/* The wait status of the host once it has ended by itself. */
static inline int rig_wait(struct rig *rig) {
    struct wire_frame frame;
    int status;
    while (rig_receive(rig, &frame))
        ;
    assert_int_equal(waitpid(rig->child, &status, 0), rig->child);
    rig->child = 0;
    return status;
}

/* STOP, and exit 0. */
static inline void rig_stop(struct rig *rig) {
    rig_put_stop(rig);
    rig_send(rig);
    int status = rig_wait(rig);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Ends what still runs of the child, and everything else but the folder. */
static inline void rig_end_child(struct rig *rig) {
    if (rig->child > 0) {
        kill(rig->child, SIGKILL);
        waitpid(rig->child, NULL, 0);
    }
    if (rig->socket >= 0)
        close(rig->socket);
    if (rig->page)
        munmap(rig->page, WIRE_PAGE_SIZE);
    buffer_free(&rig->in);
    buffer_free(&rig->out);
    rig->child = 0;
    rig->socket = -1;
    rig->page = NULL;
    rig->used = 0;
}

static inline void rig_end(struct rig *rig) {
    rig_end_child(rig);
    DIR *folder = opendir(rig->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    assert_int_equal(rmdir(rig->folder), 0);
}

/* The whole file, terminated; "" if there is none. The caller frees. */
static inline char *read_file(const char *path) {
    struct buffer text = { 0 };
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t count = 1; descriptor >= 0 && count > 0;) {
        char *room = buffer_reserve(&text, 65536);
        assert_non_null(room);
        count = read(descriptor, room, 65536);
        assert_true(count >= 0);
        text.length += (size_t)count;
    }
    if (descriptor >= 0)
        close(descriptor);
    char *copy = strdup(buffer_text(&text));
    assert_non_null(copy);
    buffer_free(&text);
    return copy;
}

static inline void assert_file(const char *path, const char *expected) {
    char *text = read_file(path);
    assert_string_equal(text, expected);
    free(text);
}

#endif
