/* The control socket itself: its file, and clients that send garbage, too much, nothing, or don't read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/server.h"
#include "base/clock.h"
#include "config/setup.h"
#include "receive/refusals.h"

enum { SOURCES = 4, CROWD = 34, PACE_MS = 20, SOON_MS = 30000 };

struct fixture {
    char folder[64], state[1024];
    struct refusals *refusals;
    struct admin *admin;
    struct log log;
};

static bool start(struct fixture *fixture, struct fault *fault) {
    struct admin_options options = { .state = fixture->state,
                                     .api = { .refusals = fixture->refusals },
                                     .log = &fixture->log };
    fixture->admin = admin_start(&options, fault);
    return fixture->admin != NULL;
}

static int make(void **state) {
    static struct fixture fixture;
    struct setup_source sources[SOURCES] = { 0 };
    struct setup setup = { .sources = sources, .source_count = SOURCES };
    struct fault fault;
    for (int i = 0; i < SOURCES; i++)
        sources[i].name = (char *)"sender";
    fixture =
        (struct fixture){ .folder = "/tmp/grapnel-admin-XXXXXX", .log = { .level = LOG_LEVEL_ERROR, .descriptor = 2 } };
    if (mkdtemp(fixture.folder) == NULL)
        return 1;
    strcpy(fixture.state, fixture.folder);
    fixture.refusals = refusals_make(&setup, &fault);
    *state = &fixture;
    return 0;
}

static int begin(void **state) {
    struct fault fault;
    return make(state) != 0 || !start(*state, &fault);
}

static void socket_path(const struct fixture *fixture, char path[2048]) {
    snprintf(path, 2048, "%s/%s", fixture->state, SETUP_CONTROL_SOCKET);
}

static int end(void **state) {
    struct fixture *fixture = *state;
    char path[2048];
    socket_path(fixture, path);
    admin_stop(fixture->admin);
    refusals_free(fixture->refusals);
    assert_int_equal(access(path, F_OK), -1);
    while (strcmp(fixture->state, fixture->folder) != 0) {
        assert_int_equal(rmdir(fixture->state), 0);
        *strrchr(fixture->state, '/') = '\0';
    }
    return rmdir(fixture->folder);
}

/* ---- the client ---- */

static int client(const struct fixture *fixture) {
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), folder = open(fixture->state, O_PATH | O_CLOEXEC);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = 60 }; /* a server that says nothing fails the test, and does not hang it */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, SETUP_CONTROL_SOCKET);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    close(folder);
    return descriptor;
}

static bool say(int descriptor, const char *data, size_t length) {
    while (length > 0) {
        ssize_t sent = send(descriptor, data, length, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        data += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* All that is answered until the connection ends, which it must. The caller frees it. */
static char *hear(int descriptor) {
    struct buffer heard = { 0 };
    ssize_t bytes;
    do {
        char *room = buffer_reserve(&heard, 65536);
        assert_non_null(room);
        bytes = recv(descriptor, room, 65536, 0);
        assert_true(bytes >= 0 || errno == ECONNRESET);
        heard.length += bytes > 0 ? (size_t)bytes : 0;
    } while (bytes > 0);
    close(descriptor);
    char *text = strdup(buffer_text(&heard));
    buffer_free(&heard);
    return text;
}

static const char question[] = "GET /api/refused HTTP/1.1\r\nHost: grapnel\r\n\r\n";

/* Sends `request` and expects an answer that begins with `wanted` and is whole. */
static void assert_answer(const struct fixture *fixture, const char *request, const char *wanted) {
    int descriptor = client(fixture);
    say(descriptor, request, strlen(request));
    char *answer = hear(descriptor), *body = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
    if (strncmp(answer, wanted, strlen(wanted)) != 0 || body == NULL || length == NULL)
        fail_msg("%s\nwas answered\n%s", request, answer);
    assert_int_equal(strlen(body + 4), strtoul(length + strlen("Content-Length: "), NULL, 10));
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    free(answer);
}

static void assert_well(const struct fixture *fixture) {
    assert_answer(fixture, question, "HTTP/1.1 200 OK\r\n");
}

/* Less than it takes until all of the crowd have used up the patience that a lone client is given, by four at a time. */
static void assert_well_soon(const struct fixture *fixture) {
    int64_t asked_ms = clock_monotonic_ms();
    assert_well(fixture);
    assert_in_range(clock_monotonic_ms() - asked_ms, 0, SOON_MS);
}

/* ---- the file ---- */

static void test_only_its_user_can_open_it(void **state) {
    struct stat found;
    char path[2048];
    socket_path(*state, path);
    assert_int_equal(lstat(path, &found), 0);
    assert_int_equal(found.st_mode, S_IFSOCK | 0600);
    assert_well(*state);
}

static void test_a_dead_daemons_socket_is_replaced(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", fixture->folder, SETUP_CONTROL_SOCKET);
    assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    close(left);
    assert_true(start(fixture, &fault));
    assert_well(fixture);
}

static void test_what_is_no_socket_is_left_alone(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    char path[2048];
    socket_path(fixture, path);
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "mine", 4), 4);
    close(file);
    assert_false(start(fixture, &fault));
    assert_memory_equal(fault.text, path, strlen(path));
    assert_non_null(strstr(fault.text, "is no socket; move it"));
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void test_the_folders_path_may_be_long(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    for (int i = 0; i < 4; i++) {
        strcat(fixture->state, "/a,folder,whose,name,takes,more,room,than,a,socket's,path,has:8080s");
        assert_int_equal(mkdir(fixture->state, 0700), 0);
    }
    assert_true(start(fixture, &fault));
    assert_well(fixture);
}

static void test_a_folder_that_is_not_there(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    strcat(fixture->state, "/nowhere");
    assert_false(start(fixture, &fault));
    assert_non_null(strstr(fault.text, "/nowhere/control.sock: No such file or directory"));
    strcpy(fixture->state, fixture->folder);
}

/* ---- clients that mean harm, or are broken ---- */

static void test_what_is_no_request_is_answered(void **state) {
    assert_answer(*state, "G\001ARBAGE\r\n\r\n", "HTTP/1.1 400 ");
    assert_answer(*state, "\r\n\r\n\r\n", "HTTP/1.1 400 ");
    assert_answer(*state, "GET /api/refused HTTP/3.0\r\n\r\n", "HTTP/1.1 505 ");
    assert_answer(*state, "GET /api/refused HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                  "HTTP/1.1 400 ");
    assert_answer(*state, "GET /api/refused HTTP/1.1\r\n folded: x\r\n\r\n", "HTTP/1.1 400 ");
    assert_answer(*state, "GET /api/refused HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400 ");
    assert_answer(*state, "POST /api/refused HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ");
    assert_answer(*state, "OPTIONS /api/refused HTTP/1.1\r\nOrigin: x\r\nAccess-Control-Request-Method: GET\r\n\r\n",
                  "HTTP/1.1 405 ");
    assert_answer(*state, "GET /%61pi/refused HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ");
    assert_answer(*state, "GET /api/refused?source=%zz%0 HTTP/1.0\r\n\r\n", "HTTP/1.1 400 ");
    assert_well(*state);
}

/* The body of a question is read before it is looked up: what is well gets as far as the 405 of the table. */
static void test_bodies(void **state) {
    enum { HEAD = 256 };
    char *request = malloc(HEAD + API_BODY_LIMIT + 2), chunk[64];
    static const char post[] = "POST /api/refused HTTP/1.1\r\n";
    for (int more = 0; more <= 1; more++) {
        int length = sprintf(request, "%sContent-Length: %d\r\n\r\n", post, API_BODY_LIMIT + more);
        memset(request + length, ' ', (size_t)(API_BODY_LIMIT + more));
        request[length + API_BODY_LIMIT + more] = '\0';
        assert_answer(*state, request, more ? "HTTP/1.1 413 " : "HTTP/1.1 405 ");
        length = sprintf(request, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n", post, API_BODY_LIMIT + more);
        memset(request + length, ' ', (size_t)(API_BODY_LIMIT + more));
        sprintf(request + length + API_BODY_LIMIT + more, "\r\n0\r\n\r\n");
        assert_answer(*state, request, more ? "HTTP/1.1 413 " : "HTTP/1.1 405 ");
    }
    static const struct {
        const char *head, *wanted;
    } heads[] = {
        { "Content-Length: 2\r\n\r\n{}", "HTTP/1.1 405 " },
        { "Content-Length: 2\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{}", "HTTP/1.1 405 " },
        { "\r\n", "HTTP/1.1 405 " },
        { "Content-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}", "HTTP/1.1 415 " },
        { "Content-Length: 2\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{}", "HTTP/1.1 415 " },
        { "Content-Length: 2\r\nContent-Type: application/json\r\nContent-Type: application/json\r\n\r\n{}",
          "HTTP/1.1 415 " },
        { "Content-Length: 2\r\nExpect: more\r\n\r\n{}", "HTTP/1.1 417 " },
        { "Content-Length: 999999999999999999999\r\n\r\n{}", "HTTP/1.1 413 " },
        { "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 " },
        { "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", "HTTP/1.1 400 " },
        { "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 400 " },
        { "Content-Length: 5\r\n\r\n{}", "HTTP/1.1 408 " },
        { "Transfer-Encoding: chunked\r\n\r\n5\r\n{}", "HTTP/1.1 408 " },
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        sprintf(request, "%s%s", post, heads[i].head);
        assert_answer(*state, request, heads[i].wanted);
    }
    int asking = client(*state);
    snprintf(chunk, sizeof chunk, "%sContent-Length: 5\r\n\r\n{", post);
    say(asking, chunk, strlen(chunk));
    shutdown(asking, SHUT_WR);
    char *answer = hear(asking);
    assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
    free(answer);
    free(request);
    assert_well(*state);
}

static void test_who_expects_is_told_to_go_on(void **state) {
    static const char head[] = "POST /api/refused HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    char first[sizeof "HTTP/1.1 100 Continue\r\n\r\n"] = "";
    int asking = client(*state);
    say(asking, head, strlen(head));
    assert_int_equal(recv(asking, first, sizeof first - 1, MSG_WAITALL), sizeof first - 1);
    assert_string_equal(first, "HTTP/1.1 100 Continue\r\n\r\n");
    say(asking, "{}", 2);
    char *answer = hear(asking);
    assert_memory_equal(answer, "HTTP/1.1 405 ", 13);
    free(answer);
}

static void test_a_head_has_no_body(void **state) {
    static const char head[] = "HEAD /api/refused HTTP/1.1\r\n\r\n";
    int descriptor = client(*state);
    say(descriptor, head, strlen(head));
    char *answer = hear(descriptor);
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    free(answer);
}

static void test_too_much(void **state) {
    char *large = malloc(1 << 20);
    memset(large, 'a', (1 << 20) - 1);
    large[(1 << 20) - 1] = '\0';
    memcpy(large, "GET /", 5);
    assert_answer(*state, large, "HTTP/1.1 431 ");
    int written = sprintf(large, "GET /api/refused HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"),
        asking = client(*state);
    large[written] = 'a';
    assert_true(say(asking, large, (size_t)written + 1000000)); /* nobody wants it, but it is taken */
    char *answer = hear(asking);
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    free(answer);
    free(large);
    assert_well(*state);
}

/* More of them than there are threads: none of those may be theirs for long. */
static void test_the_silent_do_not_keep_others_out(void **state) {
    int silent[CROWD];
    for (int i = 0; i < CROWD; i++) {
        silent[i] = client(*state);
        if (i % 2)
            say(silent[i], question, 10);
    }
    assert_well_soon(*state);
    for (int i = 0; i < CROWD; i++) {
        char *answer = hear(silent[i]);
        assert_memory_equal(answer, i % 2 ? "HTTP/1.1 408 " : "", i % 2 ? 13 : 1);
        free(answer);
    }
}

/* Each says a byte every PACE_MS, until all have been sent away. */
static void test_the_slow_do_not_keep_others_out(void **state) {
    struct pollfd slow[CROWD];
    for (int i = 0; i < CROWD; i++) {
        slow[i] = (struct pollfd){ .fd = client(*state), .events = POLLIN };
        say(slow[i].fd, question, 10);
    }
    for (int left = CROWD, said = 0; left > 4 && said < 60000 / PACE_MS; said++) {
        poll(slow, CROWD, PACE_MS);
        left = 0;
        for (int i = 0; i < CROWD; i++)
            left += slow[i].revents == 0 && say(slow[i].fd, "x", 1);
    }
    assert_well_soon(*state);
    for (int i = 0; i < CROWD; i++)
        close(slow[i].fd);
}

/* They ask for more than the kernel keeps for them, and don't take it. */
static void test_those_who_do_not_read_do_not_keep_others_out(void **state) {
    struct fixture *fixture = *state;
    int deaf[CROWD];
    char reason[REFUSAL_REASON_LIMIT + 1];
    memset(reason, 1, sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (int i = 0; i < SOURCES * REFUSALS_KEPT; i++)
        refusals_note(fixture->refusals, i % SOURCES, ANSWER_SIGNATURE, "", "", reason);
    for (int i = 0; i < CROWD; i++) {
        deaf[i] = client(fixture);
        say(deaf[i], question, strlen(question));
    }
    assert_well_soon(fixture);
    for (int i = 0; i < CROWD; i++)
        close(deaf[i]);
    assert_well(fixture);
}

static void test_a_stop_does_not_wait_for_clients(void **state) {
    struct fixture *fixture = *state;
    int silent[8];
    for (int i = 0; i < 8; i++)
        silent[i] = client(fixture);
    admin_stop(fixture->admin);
    fixture->admin = NULL;
    for (int i = 0; i < 8; i++) {
        char *answer = hear(silent[i]);
        assert_string_equal(answer, "");
        free(answer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_its_user_can_open_it, begin, end),
        cmocka_unit_test_setup_teardown(test_a_dead_daemons_socket_is_replaced, make, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_socket_is_left_alone, make, end),
        cmocka_unit_test_setup_teardown(test_the_folders_path_may_be_long, make, end),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_not_there, make, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_request_is_answered, begin, end),
        cmocka_unit_test_setup_teardown(test_bodies, begin, end),
        cmocka_unit_test_setup_teardown(test_who_expects_is_told_to_go_on, begin, end),
        cmocka_unit_test_setup_teardown(test_a_head_has_no_body, begin, end),
        cmocka_unit_test_setup_teardown(test_too_much, begin, end),
        cmocka_unit_test_setup_teardown(test_the_silent_do_not_keep_others_out, begin, end),
        cmocka_unit_test_setup_teardown(test_the_slow_do_not_keep_others_out, begin, end),
        cmocka_unit_test_setup_teardown(test_those_who_do_not_read_do_not_keep_others_out, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stop_does_not_wait_for_clients, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
