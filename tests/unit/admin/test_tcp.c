/* The door over TCP: whom it lets in, the token's file, and that a crowd before it is no matter to the control socket. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include "admin/token.h"
#include "base/clock.h"
#include "config/setup.h"
#include "receive/refusals.h"

#define TOKEN "0123456789abcdef+/=x"

enum { CROWD = 200, SOON_MS = 4000, ANSWER_SIZE = 8192 };

struct fixture {
    char folder[64], file[128];
    struct refusals *refusals;
    struct admin *admin;
    struct log log;
};

static bool start(struct fixture *fixture, const char *listen, const char *token, struct fault *fault) {
    struct admin_options options = { .state = fixture->folder,
                                     .listen = listen,
                                     .token = token,
                                     .token_file = fixture->file,
                                     .api = { .refusals = fixture->refusals },
                                     .log = &fixture->log };
    fixture->admin = admin_start(&options, fault);
    return fixture->admin != NULL;
}

static int make(void **state) {
    static struct fixture fixture;
    struct setup setup = { 0 };
    struct fault fault;
    fixture =
        (struct fixture){ .folder = "/tmp/grapnel-admin-XXXXXX", .log = { .level = LOG_LEVEL_ERROR, .descriptor = 2 } };
    if (mkdtemp(fixture.folder) == NULL)
        return 1;
    snprintf(fixture.file, sizeof fixture.file, "%s/admin.token", fixture.folder);
    fixture.refusals = refusals_make(&setup, &fault);
    *state = &fixture;
    return 0;
}

static int begin(void **state) {
    struct fault fault;
    return make(state) != 0 || !start(*state, "127.0.0.1:0", TOKEN, &fault);
}

static int end(void **state) {
    struct fixture *fixture = *state;
    admin_stop(fixture->admin);
    refusals_free(fixture->refusals);
    unlink(fixture->file);
    return rmdir(fixture->folder);
}

/* ---- the client ---- */

static void limit(int descriptor) {
    struct timeval longest = { .tv_sec = 60 };
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
}

static int client(const struct fixture *fixture) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *addresses = admin_addresses(fixture->admin);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)atoi(strrchr(addresses, ':') + 1)) };
    limit(descriptor);
    assert_memory_equal(addresses, "127.0.0.1:", 10);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

static int control(const struct fixture *fixture) {
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", fixture->folder, SETUP_CONTROL_SOCKET);
    limit(descriptor);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

/* Everything that is answered to the request; the server must end the connection. */
static const char *ask(int descriptor, const char *request) {
    static char answer[ANSWER_SIZE];
    size_t length = 0;
    ssize_t bytes;
    assert_int_equal(send(descriptor, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((bytes = recv(descriptor, answer + length, sizeof answer - 1 - length, 0)) > 0)
        length += (size_t)bytes;
    assert_int_equal(bytes, 0);
    close(descriptor);
    answer[length] = '\0';
    assert_null(strcasestr(answer, "Access-Control-"));
    assert_null(strstr(answer, TOKEN));
    return answer;
}

/* A GET with these header lines. */
static int status(const struct fixture *fixture, const char *headers) {
    char request[2048];
    int code = 0;
    snprintf(request, sizeof request, "GET /api/refused HTTP/1.1\r\nHost: admin:9180\r\n%s\r\n", headers);
    const char *answer = ask(client(fixture), request);
    assert_int_equal(sscanf(answer, "HTTP/1.1 %d ", &code), 1);
    assert_int_equal(code == 401, strstr(answer, "\r\nWWW-Authenticate: Bearer realm=\"grapnel\"\r\n") != NULL);
    return code;
}

#define AUTHORIZED "Authorization: Bearer " TOKEN "\r\n"

/* ---- who is let in ---- */

static void test_only_who_has_the_token(void **state) {
    static const char *const right[] = { AUTHORIZED, "authorization: bearer " TOKEN "\r\n",
                                         "AUTHORIZATION: BEARER   " TOKEN "  \r\n" };
    static const char *const wrong[] = {
        "",
        "Authorization:\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: " TOKEN "\r\n",
        "Authorization: Bearer" TOKEN "\r\n",
        "Authorization: Basic " TOKEN "\r\n",
        "Authorization: Bearer x" TOKEN "\r\n",
        "Authorization: Bearer " TOKEN "x\r\n",
        "Authorization: Bearer " TOKEN " x\r\n",
        "Authorization: Bearer 0123456789abcdef+/=y\r\n",
        "Authorization: Bearer 0123456789abcdef+/=X\r\n",
        "Authorization: Bearer 0123456789abcdef+/=\r\n",
        "Proxy-Authorization: Bearer " TOKEN "\r\n",
        "Cookie: token=" TOKEN "\r\n",
        AUTHORIZED AUTHORIZED,
        AUTHORIZED "Authorization: Bearer x\r\n",
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(status(*state, right[i]), 200);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (status(*state, wrong[i]) != 401)
            fail_msg("%s", wrong[i]);
    }
    ask(client(*state), "GET /api/refused?token=" TOKEN " HTTP/1.1\r\n\r\n");
    assert_memory_equal(ask(client(*state), "GET /nowhere HTTP/1.1\r\n\r\n"), "HTTP/1.1 401 ", 13);
    assert_memory_equal(ask(client(*state), "POST /api/refused HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
                        "HTTP/1.1 401 ", 13);
    assert_memory_equal(ask(client(*state), "GET /nowhere HTTP/1.1\r\n" AUTHORIZED "\r\n"), "HTTP/1.1 404 ", 13);
    assert_memory_equal(ask(client(*state), "POST /api/refused HTTP/1.1\r\n" AUTHORIZED "\r\n"), "HTTP/1.1 405 ", 13);
}

static void test_no_page_of_another_origin(void **state) {
    static const char *const right[] = { "http://admin:9180", "https://admin:9180", "http://ADMIN:9180" };
    static const char *const wrong[] = { "http://admin",
                                         "http://admin:918",
                                         "http://admin:91800",
                                         "http://evil:9180",
                                         "null",
                                         "",
                                         "admin:9180",
                                         "ftp://admin:9180",
                                         "http://admin:9180/",
                                         "http://evil@admin",
                                         "http://admin:9180 evil",
                                         "http://admin:9180\r\nOrigin: x" };
    char headers[512];
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        snprintf(headers, sizeof headers, AUTHORIZED "Origin: %s\r\n", right[i]);
        assert_int_equal(status(*state, headers), 200);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(headers, sizeof headers, AUTHORIZED "Origin: %s\r\n", wrong[i]);
        if (status(*state, headers) != 403)
            fail_msg("%s", wrong[i]);
    }
    assert_int_equal(status(*state, AUTHORIZED "Host: other\r\n"), 403);
    assert_memory_equal(ask(client(*state), "GET /api/refused HTTP/1.0\r\n" AUTHORIZED "Origin: http://\r\n\r\n"),
                        "HTTP/1.1 403 ", 13);
    const char *preflight = ask(client(*state), "OPTIONS /api/refused HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n"
                                                "Access-Control-Request-Method: GET\r\n"
                                                "Access-Control-Request-Headers: authorization\r\n\r\n");
    assert_memory_equal(preflight, "HTTP/1.1 405 ", 13);
}

static void test_what_is_no_request_is_answered(void **state) {
    assert_memory_equal(ask(client(*state), "G\001ARBAGE\r\n\r\n"), "HTTP/1.1 400 ", 13);
    assert_memory_equal(ask(client(*state), "GET / HTTP/3.0\r\n\r\n"), "HTTP/1.1 505 ", 13);
    assert_memory_equal(ask(client(*state), "GET / HTTP/1.1\r\n folded: x\r\n" AUTHORIZED "\r\n"), "HTTP/1.1 400 ", 13);
    char *large = malloc(1 << 16);
    memset(large, 'a', (1 << 16) - 1);
    large[(1 << 16) - 1] = '\0';
    memcpy(large, "GET /", 5);
    assert_memory_equal(ask(client(*state), large), "HTTP/1.1 431 ", 13);
    free(large);
    assert_int_equal(status(*state, AUTHORIZED), 200);
}

/* ---- the token's file ---- */

static void test_the_first_start_makes_the_token(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    struct stat found;
    char token[2 * TOKEN_SIZE] = "", headers[256];
    assert_true(start(fixture, "127.0.0.1:0", NULL, &fault));
    assert_int_equal(lstat(fixture->file, &found), 0);
    assert_int_equal(found.st_mode, S_IFREG | 0600);
    int file = open(fixture->file, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(file, token, sizeof token), TOKEN_SIZE);
    close(file);
    assert_int_equal(strspn(token, "0123456789abcdef"), TOKEN_SIZE - 1);
    assert_string_equal(token + TOKEN_SIZE - 1, "\n");
    snprintf(headers, sizeof headers, "Authorization: Bearer %.*s\r\n", TOKEN_SIZE - 1, token);
    assert_int_equal(status(fixture, headers), 200);
    assert_int_equal(status(fixture, AUTHORIZED), 401);
}

static void test_each_token_is_another_one(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    char first[TOKEN_SIZE], second[TOKEN_SIZE];
    assert_true(token_make(fixture->file, first, &fault));
    unlink(fixture->file);
    assert_true(token_make(fixture->file, second, &fault));
    assert_memory_not_equal(first, second, TOKEN_SIZE - 1);
}

static void test_a_file_that_is_there_is_left_alone(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    char token[TOKEN_SIZE];
    int file = open(fixture->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    close(file);
    assert_false(token_make(fixture->file, token, &fault));
    assert_non_null(strstr(fault.text, fixture->file));
    assert_non_null(strstr(fault.text, "File exists"));
    struct stat found;
    assert_int_equal(stat(fixture->file, &found), 0);
    assert_int_equal(found.st_size, 0);
    strcat(fixture->file, "/not/there");
    assert_false(start(fixture, "127.0.0.1:0", NULL, &fault)); /* and nothing is left behind, see end */
    assert_non_null(strstr(fault.text, fixture->file));
    fixture->file[strlen(fixture->file) - strlen("/not/there")] = '\0';
}

/* ---- the address ---- */

static void test_an_address_that_is_taken(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    char taken[64];
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    assert_int_equal(bind(other, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(other, 1), 0);
    assert_int_equal(getsockname(other, (struct sockaddr *)&address, &size), 0);
    snprintf(taken, sizeof taken, "127.0.0.1:%d", ntohs(address.sin_port));
    assert_false(start(fixture, taken, TOKEN, &fault));
    assert_memory_equal(fault.text, "admin: listen 127.0.0.1:", 24);
    assert_non_null(strstr(fault.text, "already in use; another program listens there"));
    close(other);
    assert_true(start(fixture, taken, TOKEN, &fault));
}

static void test_without_an_address(void **state) {
    struct fault fault;
    assert_true(start(*state, NULL, NULL, &fault));
    assert_string_equal(admin_addresses(((struct fixture *)*state)->admin), "");
    assert_int_equal(access(((struct fixture *)*state)->file, F_OK), -1);
}

/* ---- a crowd ---- */

static void test_a_crowd_is_no_matter_to_the_control_socket(void **state) {
    int silent[CROWD];
    for (int i = 0; i < CROWD; i++) {
        silent[i] = client(*state);
        if (i % 2)
            assert_int_equal(send(silent[i], "GET /api/re", 11, MSG_NOSIGNAL), 11);
    }
    int64_t asked_ms = clock_monotonic_ms();
    const char *answer = ask(control(*state), "GET /api/refused HTTP/1.1\r\n\r\n");
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    assert_in_range(clock_monotonic_ms() - asked_ms, 0, SOON_MS);
    assert_int_equal(status(*state, AUTHORIZED), 200); /* and here it is its turn in the end */
    for (int i = 0; i < CROWD; i++)
        close(silent[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_who_has_the_token, begin, end),
        cmocka_unit_test_setup_teardown(test_no_page_of_another_origin, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_request_is_answered, begin, end),
        cmocka_unit_test_setup_teardown(test_the_first_start_makes_the_token, make, end),
        cmocka_unit_test_setup_teardown(test_each_token_is_another_one, make, end),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_there_is_left_alone, make, end),
        cmocka_unit_test_setup_teardown(test_an_address_that_is_taken, make, end),
        cmocka_unit_test_setup_teardown(test_without_an_address, make, end),
        cmocka_unit_test_setup_teardown(test_a_crowd_is_no_matter_to_the_control_socket, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
