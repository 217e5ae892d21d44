/* logging.so in a real host: what its lines look like, several processes on one file, rotation, full disks. */
#include "rig.h"

#include <sys/resource.h>

#include "event/json.h"

static int64_t start_logging(struct rig *rig, const char *path) {
    const char *settings[] = { "path", path, NULL };
    return rig_ready(rig, "plugins", "logging", settings);
}

static void send_one(struct rig *rig, int64_t sequence, const char *body, int64_t code) {
    rig_put_event(rig, sequence, false, body);
    rig_send(rig);
    rig_expect_outcome(rig, sequence, code);
}

static void test_line(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(start_logging(&rig, "events.log"), GRAPNEL_OK);
    send_one(&rig, 1, "{ \"a\":10.10,\r\n\t\"b\" : \"x\\u0041\\n\" }\n", GRAPNEL_OK);
    assert_file(rig_path(&rig, "events.log"),
                "{\"received\":\"2026-01-31T12:00:00.000Z\",\"source\":\"shop\",\"id\":\"e1\",\"type\":\"order.paid\","
                "\"attempt\":1,"
                "\"key\":\"key1\",\"event\":{ \"a\":10.10,  \t\"b\" : \"x\\u0041\\n\" } }\n");
    struct stat status;
    assert_int_equal(stat(rig_path(&rig, "events.log"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    rig_stop(&rig);
    rig_end(&rig);
}

static void put_event_with(struct rig *rig, const char *id) {
    size_t begun = wire_begin(&rig->out, WIRE_EVENT);
    for (int i = 0; i < 4; i++)
        wire_put_number(&rig->out, i == 2 ? 0 : 1);
    wire_put_text(&rig->out, bytes_of("shop"));
    wire_put_text(&rig->out, bytes_of(id));
    wire_put_text(&rig->out, bytes_of("t"));
    wire_put_text(&rig->out, bytes_of("k"));
    wire_put_text(&rig->out, bytes_of(""));
    wire_put_text(&rig->out, bytes_of("{}"));
    wire_end(&rig->out, begun);
}

/* Ids that come from headers can hold any byte. */
static void test_escapes(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(start_logging(&rig, "events.log"), GRAPNEL_OK);
    put_event_with(&rig, "q\"b\\t\x01 \xc3\xa9\xff\xe2\x82\xed\xa0\x80\xc0\xaf.\xf0\x9f\x98\x80");
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    char *text = read_file(rig_path(&rig, "events.log"));
    struct json json = { 0 };
    struct fault fault;
    assert_true(json_parse(&json, bytes_of(text), &fault));
    assert_non_null(strstr(text, "q\\\"b\\\\t\\u0001 \xc3\xa9\xef\xbf\xbd"));
    assert_non_null(strstr(text, ".\xf0\x9f\x98\x80\""));
    assert_non_null(strstr(text, "1970-01-01T00:00:00.001Z"));
    json_free(&json);
    free(text);
    rig_stop(&rig);
    rig_end(&rig);
}

/* Every line of the file is one whole JSON text; returns how many there are. */
static int count_lines(const char *path) {
    char *text = read_file(path);
    struct json json = { 0 };
    struct fault fault;
    int count = 0;
    for (char *line = text, *end; *line; line = end + 1, count++) {
        end = strchr(line, '\n');
        assert_non_null(end);
        if (!json_parse(&json, (struct bytes){ line, (size_t)(end - line) }, &fault))
            fail_msg("line %d: %s", count + 1, fault.text);
    }
    json_free(&json);
    free(text);
    return count;
}

static void test_two_processes(void **state) {
    enum { COUNT = 10000, WORKERS = 2 };
    struct rig rigs[WORKERS];
    pid_t writers[WORKERS];
    static char body[3000];
    memset(body, 'x', sizeof body - 1);
    memcpy(body, "{\"fill\":\"", 9);
    memcpy(body + sizeof body - 3, "\"}", 2);
    for (int i = 0; i < WORKERS; i++) {
        rig_folder(&rigs[i]);
        assert_int_equal(start_logging(&rigs[i], rig_path(&rigs[0], "events.log")), GRAPNEL_OK);
    }
    for (int i = 0; i < WORKERS; i++) {
        fflush(NULL);
        writers[i] = fork();
        if (writers[i] == 0) {
            for (int sequence = 1; sequence <= COUNT; sequence++) {
                rig_put_event(&rigs[i], sequence, false, sequence % 7 ? "{\"short\":1}" : body);
                if (sequence % 100 == 0)
                    rig_send(&rigs[i]);
            }
            _exit(0);
        }
    }
    for (int sequence = 1; sequence <= COUNT; sequence++)
        for (int i = 0; i < WORKERS; i++)
            rig_expect_outcome(&rigs[i], sequence, GRAPNEL_OK);
    for (int i = 0; i < WORKERS; i++) {
        waitpid(writers[i], NULL, 0);
        rig_stop(&rigs[i]);
    }
    assert_int_equal(count_lines(rig_path(&rigs[0], "events.log")), WORKERS * COUNT);
    for (int i = 0; i < WORKERS; i++)
        rig_end(&rigs[i]);
}

static void test_rotation(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(start_logging(&rig, "events.log"), GRAPNEL_OK);
    send_one(&rig, 1, "{}", GRAPNEL_OK);
    assert_int_equal(rename(rig_path(&rig, "events.log"), rig_path(&rig, "events.log.1")), 0);
    send_one(&rig, 2, "{}", GRAPNEL_OK);
    assert_int_equal(count_lines(rig_path(&rig, "events.log")), 1);
    assert_int_equal(unlink(rig_path(&rig, "events.log")), 0);
    send_one(&rig, 3, "{}", GRAPNEL_OK);
    send_one(&rig, 4, "{}", GRAPNEL_OK);
    assert_int_equal(count_lines(rig_path(&rig, "events.log")), 2);
    assert_int_equal(count_lines(rig_path(&rig, "events.log.1")), 1);
    rig_stop(&rig);
    rig_end(&rig);
}

static void append_text(const char *path, const char *text) {
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
}

/* Half a line that a killed worker left is cut off; half a line of somebody else is ended. */
static void test_half_lines(void **state) {
    struct rig rig;
    rig_folder(&rig);
    const char *path = rig_path(&rig, "events.log");
    assert_int_equal(start_logging(&rig, path), GRAPNEL_OK);
    send_one(&rig, 1, "{}", GRAPNEL_OK);
    append_text(path, "{\"received\":\"2026-01-31T1");
    send_one(&rig, 2, "{}", GRAPNEL_OK);
    append_text(path, "{\"rec");
    send_one(&rig, 3, "{}", GRAPNEL_OK);
    assert_int_equal(count_lines(path), 3);
    append_text(path, "\"by hand\"");
    send_one(&rig, 4, "{}", GRAPNEL_OK);
    assert_int_equal(count_lines(path), 5);
    rig_stop(&rig);
    rig_end(&rig);
}

/* RLIMIT_FSIZE stands in for a full disk: a write comes up short, then fails. No half line stays; BUSY; and it recovers. */
static void test_full_disk(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(start_logging(&rig, "events.log"), GRAPNEL_OK);
    send_one(&rig, 1, "{}", GRAPNEL_OK);
    const struct rlimit small = { 200, RLIM_INFINITY }, large = { RLIM_INFINITY, RLIM_INFINITY };
    assert_int_equal(prlimit(rig.child, RLIMIT_FSIZE, &small, NULL), 0);
    for (int i = 2; i <= 4; i++)
        rig_put_event(&rig, i, false, "{}");
    rig_send(&rig);
    for (int i = 2; i <= 4; i++) {
        struct rig_outcome outcome = rig_outcome(&rig);
        assert_int_equal(outcome.code, GRAPNEL_BUSY);
        assert_non_null(strstr(outcome.text, "events.log: File too large"));
    }
    assert_int_equal(count_lines(rig_path(&rig, "events.log")), 1);
    assert_int_equal(prlimit(rig.child, RLIMIT_FSIZE, &large, NULL), 0);
    send_one(&rig, 5, "{}", GRAPNEL_OK);
    assert_int_equal(count_lines(rig_path(&rig, "events.log")), 2);
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_disk_full_is_named(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(start_logging(&rig, "/dev/full"), GRAPNEL_OK);
    rig_put_event(&rig, 1, false, "{}");
    rig_send(&rig);
    struct rig_outcome outcome = rig_outcome(&rig);
    assert_int_equal(outcome.code, GRAPNEL_BUSY);
    assert_string_equal(outcome.text, "/dev/full: the disk is full: make room; events wait meanwhile");
    rig_stop(&rig);
    rig_end(&rig);
}

static void assert_init_fails(struct rig *rig, enum wire_init mode, const char *path, const char *reason) {
    struct wire_frame frame;
    const char *settings[] = { "path", path, NULL };
    rig_start(rig);
    rig_put_start(rig, rig_plugin("plugins", "logging"));
    rig_put_init(rig, mode, settings);
    rig_send(rig);
    rig_expect(rig, WIRE_HELLO, &frame);
    rig_expect(rig, WIRE_READY, &frame);
    assert_int_equal(wire_get_number(&frame), reason ? GRAPNEL_FAIL : GRAPNEL_OK);
    wire_get_number(&frame);
    const char *text = wire_get_text(&frame).data;
    if (reason && !strstr(text, reason))
        fail_msg("wanted \"%s\", got \"%s\"", reason, text);
    rig_stop(rig);
    rig_end_child(rig);
}

static void test_init_and_check(void **state) {
    struct rig rig;
    rig_folder(&rig);
    for (enum wire_init mode = WIRE_INIT_RUN; mode <= WIRE_INIT_CHECK; mode++) {
        assert_init_fails(&rig, mode, "missing/events.log",
                          "missing/events.log: the folder that it is to be in does not exist");
        assert_init_fails(&rig, mode, ".", ". is a folder");
        assert_init_fails(&rig, mode, "", "`path` is empty");
    }
    assert_init_fails(&rig, WIRE_INIT_CHECK, "events.log", NULL);
    assert_int_equal(access(rig_path(&rig, "events.log"), F_OK), -1); /* a check leaves nothing behind */
    rig_end(&rig);
}

/* The folder vanishes while it runs. */
static void test_folder_gone(void **state) {
    struct rig rig;
    rig_folder(&rig);
    char folder[256];
    snprintf(folder, sizeof folder, "%s", rig_path(&rig, "sub"));
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(start_logging(&rig, "sub/events.log"), GRAPNEL_OK);
    assert_int_equal(unlink(rig_path(&rig, "sub/events.log")), 0);
    assert_int_equal(rmdir(folder), 0);
    send_one(&rig, 1, "{}", GRAPNEL_BUSY);
    assert_int_equal(mkdir(folder, 0700), 0);
    send_one(&rig, 2, "{}", GRAPNEL_OK);
    assert_int_equal(count_lines(rig_path(&rig, "sub/events.log")), 1);
    assert_int_equal(unlink(rig_path(&rig, "sub/events.log")), 0);
    assert_int_equal(rmdir(folder), 0);
    rig_stop(&rig);
    rig_end(&rig);
}

/* Two workers share one pipe as their standard output, with lines far longer than a pipe keeps whole. */
static void test_stdout(void **state) {
    enum { COUNT = 200, WORKERS = 2 };
    struct rig rigs[WORKERS];
    int ends[2], saved = fcntl(GRAPNEL_STDOUT, F_DUPFD_CLOEXEC, 100);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int out = fcntl(ends[1], F_DUPFD_CLOEXEC, 50), in = fcntl(ends[0], F_DUPFD_CLOEXEC, 50);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(dup2(out, GRAPNEL_STDOUT), GRAPNEL_STDOUT);
    close(out);
    static char body[30000];
    memset(body, 'x', sizeof body - 1);
    memcpy(body, "{\"fill\":\"", 9);
    memcpy(body + sizeof body - 3, "\"}", 2);
    for (int i = 0; i < WORKERS; i++) {
        rig_folder(&rigs[i]);
        assert_int_equal(start_logging(&rigs[i], "-"), GRAPNEL_OK);
    }
    if (saved >= 0)
        dup2(saved, GRAPNEL_STDOUT), close(saved);
    else
        close(GRAPNEL_STDOUT);
    fflush(NULL);
    pid_t reader = fork();
    if (reader == 0) {
        struct buffer text = { 0 };
        for (ssize_t count = 1; count > 0; text.length += (size_t)count)
            count = read(in, buffer_reserve(&text, 65536), 65536);
        append_text(rig_path(&rigs[0], "output"), buffer_text(&text));
        _exit(0);
    }
    for (int sequence = 1; sequence <= COUNT; sequence++)
        for (int i = 0; i < WORKERS; i++) {
            rig_put_event(&rigs[i], sequence, false, body);
            rig_send(&rigs[i]);
        }
    for (int i = 0; i < WORKERS; i++) {
        for (int sequence = 1; sequence <= COUNT; sequence++)
            rig_expect_outcome(&rigs[i], sequence, GRAPNEL_OK);
        rig_stop(&rigs[i]);
    }
    close(in);
    waitpid(reader, NULL, 0);
    assert_int_equal(count_lines(rig_path(&rigs[0], "output")), WORKERS * COUNT);
    for (int i = 0; i < WORKERS; i++)
        rig_end(&rigs[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_two_processes),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_half_lines),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_disk_full_is_named),
        cmocka_unit_test(test_init_and_check),
        cmocka_unit_test(test_folder_gone),
        cmocka_unit_test(test_stdout),
    };
    return cmocka_run_group_tests_name("logging plugin", tests, NULL, NULL);
}
