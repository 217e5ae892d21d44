/* grapnel-host as a program: its descriptors, its start and its end. */
#include "rig.h"

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER
#endif

static const char *host_path(void) {
    static char path[512];
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    char *end = strstr(self, "/tests/unit/host/");
    assert_non_null(end);
    *end = '\0';
    snprintf(path, sizeof path, "%s/bin/grapnel-host", self);
    return path;
}

/* As the daemon does: 0 /dev/null, 1 and 2 `output`, 3 `product` (-1: closed), 4 the socket, 5 the page. */
static void process_start(struct rig *rig, const char *argument, int output, int product) {
    int sockets[2], page = memfd_create("page", MFD_CLOEXEC);
    assert_true(page >= 0);
    assert_int_equal(ftruncate(page, WIRE_PAGE_SIZE), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    rig->page = mmap(NULL, WIRE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    assert_true(rig->page != MAP_FAILED);
    /* above the numbers that they are to get, so that none is overwritten before it is used */
    int high_socket = fcntl(sockets[1], F_DUPFD_CLOEXEC, 60), high_page = fcntl(page, F_DUPFD_CLOEXEC, 60);
    int high_output = fcntl(output, F_DUPFD_CLOEXEC, 60);
    int high_product = product < 0 ? -1 : fcntl(product, F_DUPFD_CLOEXEC, 60);
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, high_output, 1);
    posix_spawn_file_actions_adddup2(&actions, high_output, 2);
    if (high_product >= 0)
        posix_spawn_file_actions_adddup2(&actions, high_product, WIRE_STDOUT);
    else
        posix_spawn_file_actions_addclose(&actions, WIRE_STDOUT); /* whoever runs the tests may have one open */
    posix_spawn_file_actions_adddup2(&actions, high_socket, WIRE_SOCKET);
    posix_spawn_file_actions_adddup2(&actions, high_page, WIRE_PAGE);
    char name[] = "grapnel-host";
    char *arguments[] = { name, (char *)argument, NULL };
    assert_int_equal(posix_spawn(&rig->child, host_path(), &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(high_socket), close(high_page), close(high_output), close(sockets[1]), close(page);
    if (high_product >= 0)
        close(high_product);
    rig->socket = sockets[0];
}

static int open_output(const struct rig *rig, const char *name) {
    int descriptor = open(rig_path(rig, name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    return descriptor;
}

static void process_ready(struct rig *rig, const char *plugin, const char *const *settings) {
    struct wire_frame frame;
    rig_put_start(rig, rig_plugin("tests/plugins", plugin));
    rig_put_init(rig, WIRE_INIT_RUN, settings);
    rig_send(rig);
    rig_expect(rig, WIRE_HELLO, &frame);
    rig_expect(rig, WIRE_READY, &frame);
    assert_int_equal(wire_get_number(&frame), GRAPNEL_OK);
}

static int run_by_hand(const char *arguments, const char *output) {
    char command[1024];
    snprintf(command, sizeof command, "exec %s %s >%s 2>&1 4>&- 5>&-", host_path(), arguments, output);
    int status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_by_hand(void **state) {
    struct rig rig;
    rig_folder(&rig);
    const char *output = rig_path(&rig, "output");
    assert_int_equal(run_by_hand("", output), 2);
    char *text = read_file(output);
    assert_non_null(strstr(text, "it is grapnel that starts this program"));
    free(text);
    assert_int_equal(run_by_hand("--help", output), 0);
    text = read_file(output);
    assert_non_null(strstr(text, "usage: grapnel-host"));
    free(text);
    assert_int_equal(run_by_hand("--version", output), 0);
    text = read_file(output);
    assert_memory_equal(text, "grapnel-host ", 13);
    free(text);
    rig_end(&rig);
}

/* What a plugin prints goes where it belongs, and none of our descriptors reaches a child of it. */
static void test_descriptors(void **state) {
    struct rig rig;
    struct wire_frame frame;
    rig_folder(&rig);
    int output = open_output(&rig, "output"), product = open_output(&rig, "product");
    process_start(&rig, "misbehave", output, product);
    const char *settings[] = { "record", rig_path(&rig, "record"), NULL };
    process_ready(&rig, "misbehave", settings);
    rig_put_event(&rig, 1, false, "{\"data\":{\"object\":{\"do\":\"talk\"}}}");
    rig_send(&rig);
    rig_expect(&rig, WIRE_LOG, &frame);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    assert_file(rig_path(&rig, "output"), "stdout of e1\nstderr of e1\n"); /* at once, not when the process ends */
    assert_file(rig_path(&rig, "product"), "output of e1\n");
    char path[64], link[64];
    for (int descriptor = 3; descriptor < 64; descriptor++) {
        snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)rig.child, descriptor);
        char *info = read_file(path);
        unsigned flags = 0;
        const char *line = strstr(info, "flags:");
        if (line && sscanf(line, "flags: %o", &flags) == 1 && !(flags & O_CLOEXEC)) {
            snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)rig.child, descriptor);
            ssize_t length = readlink(path, link, sizeof link - 1);
            fail_msg("descriptor %d is inherited: %.*s", descriptor, (int)length, link);
        }
        if (descriptor > WIRE_SOCKET)
            assert_null(line); /* the page is mapped and closed */
        free(info);
    }
    rig_stop(&rig);
    close(output), close(product);
    rig_end(&rig);
}

/* A daemon without stdout: no file of the plugin may get its number. */
static void test_no_product(void **state) {
    struct rig rig;
    rig_folder(&rig);
    int output = open_output(&rig, "output");
    process_start(&rig, "null", output, -1);
    process_ready(&rig, "null", NULL);
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)rig.child, WIRE_STDOUT);
    ssize_t length = readlink(path, target, sizeof target - 1);
    assert_true(length > 0);
    target[length] = '\0';
    assert_string_equal(target, "/dev/null");
    rig_stop(&rig);
    close(output);
    rig_end(&rig);
}

/* Its parent dies, whatever the plugin is doing. */
static void test_dies_with_parent(void **state) {
    struct rig rig;
    rig_folder(&rig);
    int output = open_output(&rig, "output");
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* to see the grandchild's end */
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t daemon = fork();
    if (daemon == 0) {
        process_start(&rig, "misbehave", output, -1);
        const char *settings[] = { "record", rig_path(&rig, "record"), NULL };
        process_ready(&rig, "misbehave", settings);
        rig_put_event(&rig, 1, false, "{\"data\":{\"object\":{\"do\":\"hang\"}}}");
        rig_send(&rig);
        while (atomic_load(&rig.page->running) != 1)
            usleep(1000);
        if (write(ready[1], &rig.child, sizeof rig.child) != (ssize_t)sizeof rig.child)
            _exit(1);
        pause();
    }
    pid_t host;
    int status;
    assert_int_equal(read(ready[0], &host, sizeof host), sizeof host);
    kill(daemon, SIGKILL);
    assert_int_equal(waitpid(daemon, &status, 0), daemon);
    assert_int_equal(waitpid(host, &status, 0), host);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(ready[0]), close(ready[1]), close(output);
    rig_end(&rig);
}

/* `memory` holds: the plugin's malloc fails, and the process lives. */
static void test_memory_limit(void **state) {
#ifdef UNDER_SANITIZER
    skip();
#endif
    struct rig rig;
    struct wire_frame frame;
    rig_folder(&rig);
    int output = open_output(&rig, "output");
    process_start(&rig, "misbehave", output, -1);
    const char *settings[] = { "record", rig_path(&rig, "record"), NULL };
    size_t begun = wire_begin(&rig.out, WIRE_START);
    wire_put_number(&rig.out, 5000);
    wire_put_number(&rig.out, 32 * 1024 * 1024);
    wire_put_number(&rig.out, 0);
    wire_put_number(&rig.out, 0);
    wire_put_text(&rig.out, bytes_of("misbehave"));
    wire_put_text(&rig.out, bytes_of(rig_plugin("tests/plugins", "misbehave")));
    wire_put_text(&rig.out, bytes_of(rig.folder));
    wire_end(&rig.out, begun);
    rig_put_init(&rig, WIRE_INIT_RUN, settings);
    rig_put_event(&rig, 1, false, "{\"data\":{\"object\":{\"do\":\"leak\",\"bytes\":8000000}}}");
    rig_put_event(&rig, 2, false, "{\"data\":{\"object\":{\"do\":\"leak\",\"bytes\":64000000}}}");
    rig_send(&rig);
    rig_expect(&rig, WIRE_HELLO, &frame);
    rig_expect(&rig, WIRE_READY, &frame);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_expect_outcome(&rig, 2, GRAPNEL_RETRY);
    rig_stop(&rig);
    close(output);
    rig_end(&rig);
}

/* A signal that the daemon's starter had ignored or blocked is at its default again. */
static void test_signals(void **state) {
    struct rig rig;
    rig_folder(&rig);
    int output = open_output(&rig, "output");
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGHUP, SIG_IGN);
    process_start(&rig, "null", output, -1);
    process_ready(&rig, "null", NULL);
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)rig.child);
    char *text = read_file(path);
    unsigned long long value;
    assert_int_equal(sscanf(strstr(text, "SigBlk:"), "SigBlk: %llx", &value), 1);
    assert_true(value == 0);
    assert_int_equal(sscanf(strstr(text, "SigIgn:"), "SigIgn: %llx", &value), 1);
    value &= (1ULL << 31) - 1; /* 32 and 33 are glibc's own, which its posix_spawn ignores */
    if (value != 1ULL << (SIGPIPE - 1))
        fail_msg("ignored signals: %llx", value);
    free(text);
    rig_stop(&rig);
    close(output);
    rig_end(&rig);
}

/* Not measured against a limit, since other work may slow it down: for people who read the log. */
static void test_start_time(void **state) {
    struct rig rig;
    rig_folder(&rig);
    int output = open_output(&rig, "output");
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < 10; i++) {
        struct wire_frame frame;
        int64_t began_us = clock_monotonic_us();
        process_start(&rig, "null", output, -1);
        rig_put_start(&rig, rig_plugin("tests/plugins", "null"));
        rig_send(&rig);
        rig_expect(&rig, WIRE_HELLO, &frame);
        int64_t took_us = clock_monotonic_us() - began_us;
        best_us = took_us < best_us ? took_us : best_us;
        rig_stop(&rig);
        rig_end_child(&rig);
    }
    print_message("start to HELLO: %lld us at best\n", (long long)best_us);
    close(output);
    rig_end(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),          cmocka_unit_test(test_descriptors),  cmocka_unit_test(test_no_product),
        cmocka_unit_test(test_dies_with_parent), cmocka_unit_test(test_memory_limit), cmocka_unit_test(test_signals),
        cmocka_unit_test(test_start_time),
    };
    return cmocka_run_group_tests_name("host process", tests, NULL, NULL);
}
