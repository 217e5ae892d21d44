/* The loop: order of outcomes, shared flushes and their failures, and what the shared page says after a death. */
#include "rig.h"

#include "base/clock.h"

static const char plain[] = "{}";

/* {"data":{"object":{"do":…,"flush":…}}} in one of a few static texts. */
static const char *told(const char *deliver, const char *flush) {
    static char texts[4][200];
    static int next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "{\"data\":{\"object\":{\"do\":\"%s\",\"flush\":\"%s\"}}}", deliver, flush);
    return text;
}

static void start_flushing(struct rig *rig) {
    rig_folder(rig);
    const char *settings[] = { "record", rig_path(rig, "record"), "gate", "", NULL };
    assert_int_equal(rig_ready(rig, "tests/plugins", "flushing", settings), GRAPNEL_OK);
}

static void start_misbehave(struct rig *rig) {
    rig_folder(rig);
    const char *settings[] = { "record", rig_path(rig, "record"), NULL };
    assert_int_equal(rig_ready(rig, "tests/plugins", "misbehave", settings), GRAPNEL_OK);
}

static void test_hello(void **state) {
    struct rig rig;
    struct wire_frame frame;
    rig_folder(&rig);
    rig_start(&rig);
    rig_put_start(&rig, rig_plugin("tests/plugins", "settings_all"));
    rig_send(&rig);
    rig_expect(&rig, WIRE_HELLO, &frame);
    assert_string_equal(wire_get_text(&frame).data, "settings_all");
    assert_string_equal(wire_get_text(&frame).data, "1.0.0");
    assert_string_equal(wire_get_text(&frame).data, "Shows every setting that it was given");
    assert_int_equal(wire_get_number(&frame), GRAPNEL_ABI_MINOR);
    assert_int_equal(wire_get_number(&frame), 0);
    assert_int_equal(wire_get_number(&frame), 0);
    assert_int_equal(wire_get_number(&frame), 13);
    for (int i = 0; i < 13; i++) {
        bool out = strcmp(wire_get_text(&frame).data, "out") == 0;
        wire_get_number(&frame);
        int64_t required = wire_get_number(&frame);
        assert_true(!out || required);
        wire_get_text(&frame);
        assert_true(wire_get_text(&frame).length > 0);
    }
    assert_true(wire_finished(&frame));
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_broken(void **state) {
    struct rig rig;
    struct wire_frame frame;
    rig_folder(&rig);
    rig_start(&rig);
    rig_put_start(&rig, rig_plugin("tests/plugins", "no_symbol"));
    rig_send(&rig);
    rig_expect(&rig, WIRE_BROKEN, &frame);
    assert_non_null(strstr(wire_get_text(&frame).data, "grapnel_plugin_v1"));
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_missing_folder(void **state) {
    struct rig rig;
    struct wire_frame frame;
    rig_folder(&rig);
    rig_start(&rig);
    char real[64];
    strcpy(real, rig.folder);
    strcat(rig.folder, "-gone");
    rig_put_start(&rig, rig_plugin("tests/plugins", "null"));
    strcpy(rig.folder, real);
    rig_send(&rig);
    rig_expect(&rig, WIRE_BROKEN, &frame);
    assert_non_null(strstr(wire_get_text(&frame).data, "-gone: No such file or directory"));
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_init_answers(void **state) {
    struct rig rig;
    struct wire_frame frame;
    rig_folder(&rig);
    assert_int_equal(rig_ready(&rig, "tests/plugins", "init_fail", NULL), GRAPNEL_FAIL);
    rig_stop(&rig);
    rig_end_child(&rig);

    const char *settings[] = { "record", "", "until", rig_path(&rig, "until"), "busy", "1", NULL };
    assert_int_equal(rig_ready(&rig, "tests/plugins", "init_retry", settings), GRAPNEL_BUSY);
    rig_put_event(&rig, 1, false, plain); /* out of turn: init was not OK */
    rig_send(&rig);
    int status = rig_wait(&rig);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    rig_end_child(&rig);

    rig_start(&rig);
    rig_put_start(&rig, rig_plugin("tests/plugins", "init_fail"));
    rig_put_init(&rig, WIRE_INIT_CHECK, NULL);
    rig_send(&rig);
    rig_expect(&rig, WIRE_HELLO, &frame);
    rig_expect(&rig, WIRE_READY, &frame);
    assert_int_equal(wire_get_number(&frame), GRAPNEL_FAIL);
    assert_int_equal(wire_get_number(&frame), 0);
    assert_string_equal(wire_get_text(&frame).data, "check says no");
    rig_stop(&rig);
    rig_end(&rig);
}

/* Many events in one write: each gets its outcome, in order, though they are answered in batches. */
static void test_many(void **state) {
    enum { COUNT = 5000 };
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(rig_ready(&rig, "tests/plugins", "null", NULL), GRAPNEL_OK);
    pid_t writer = fork(); /* so that neither side waits for the other, as in the daemon */
    if (writer == 0) {
        for (int i = 1; i <= COUNT; i++)
            rig_put_event(&rig, i, false, plain);
        rig_send(&rig);
        _exit(0);
    }
    for (int i = 1; i <= COUNT; i++)
        rig_expect_outcome(&rig, i, GRAPNEL_OK);
    waitpid(writer, NULL, 0);
    assert_int_equal(atomic_load(&rig.page->delivered), COUNT);
    assert_int_equal(atomic_load(&rig.page->running), 0);
    assert_int_equal(atomic_load(&rig.page->since_ms), 0);
    rig_stop(&rig);
    rig_end(&rig);
}

/* The frames come byte by byte. */
static void test_dripped(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(rig_ready(&rig, "tests/plugins", "null", NULL), GRAPNEL_OK);
    rig_put_event(&rig, 1, false, plain);
    rig_put_event(&rig, 2, false, plain);
    for (size_t i = 0; i < rig.out.length; i++)
        assert_int_equal(send(rig.socket, rig.out.data + i, 1, MSG_NOSIGNAL), 1);
    buffer_clear(&rig.out);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_expect_outcome(&rig, 2, GRAPNEL_OK);
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_large_event(void **state) {
    struct rig rig;
    rig_folder(&rig);
    assert_int_equal(rig_ready(&rig, "tests/plugins", "flushing", NULL), GRAPNEL_OK);
    size_t size = 20 * 1024 * 1024;
    char *body = malloc(size + 1);
    assert_non_null(body);
    memset(body, ' ', size);
    memcpy(body, "{}", 2);
    body[size] = '\0';
    rig_put_event(&rig, 1, false, body);
    rig_put_event(&rig, 2, false, plain);
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_expect_outcome(&rig, 2, GRAPNEL_OK);
    free(body);
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_codes(void **state) {
    struct rig rig;
    start_misbehave(&rig);
    rig_put_event(&rig, 1, false, "{\"data\":{\"object\":{\"do\":\"retry\",\"after_ms\":7000}}}");
    rig_put_event(&rig, 2, false, told("fail", ""));
    rig_put_event(&rig, 3, false, told("bad_code", ""));
    rig_put_event(&rig, 4, false, told("busy", ""));
    rig_send(&rig);
    struct rig_outcome outcome = rig_outcome(&rig);
    assert_int_equal(outcome.code, GRAPNEL_RETRY);
    assert_int_equal(outcome.after_ms, 7000);
    assert_string_equal(outcome.text, "told to retry e1");
    outcome = rig_outcome(&rig);
    assert_int_equal(outcome.code, GRAPNEL_FAIL);
    assert_string_equal(outcome.text, "told to fail e2");
    outcome = rig_outcome(&rig);
    assert_int_equal(outcome.code, GRAPNEL_RETRY);
    assert_non_null(strstr(outcome.text, "4711"));
    rig_expect_outcome(&rig, 4, GRAPNEL_BUSY);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"), "e1 1\ne2 1\ne3 1\ne4 1\n");
    rig_end(&rig);
}

/* A slow plugin's outcome goes out before its next event is begun: if that one crashes, what was done is not done again. */
static void test_slow_outcome_is_sent_first(void **state) {
    struct rig rig;
    start_misbehave(&rig);
    rig_put_event(&rig, 1, false, told("sleep", ""));
    rig_put_event(&rig, 2, false, told("hang", ""));
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_end(&rig);
}

static void test_log_comes_at_once(void **state) {
    struct rig rig;
    struct wire_frame frame;
    start_misbehave(&rig);
    rig_put_event(&rig, 1, false, told("ok", ""));
    rig_put_event(&rig, 2, false, told("talk", ""));
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_expect(&rig, WIRE_LOG, &frame);
    assert_int_equal(wire_get_number(&frame), GRAPNEL_WARN);
    assert_string_equal(wire_get_text(&frame).data, "log of e2");
    rig_end(&rig);
}

/* What the page says about the dead, for each way to die. */
static void dies_with_running(const char *how) {
    struct rig rig;
    start_misbehave(&rig);
    rig_put_event(&rig, 1, false, told("sleep", ""));
    rig_put_event(&rig, 2, false, told(how, ""));
    rig_put_event(&rig, 3, false, plain);
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_wait(&rig);
    if (atomic_load(&rig.page->running) != 2 || atomic_load(&rig.page->phase) != WIRE_PHASE_DELIVER)
        fail_msg("%s: running %lld, phase %u", how, (long long)atomic_load(&rig.page->running),
                 atomic_load(&rig.page->phase));
    assert_int_equal(atomic_load(&rig.page->delivered), 1);
    assert_file(rig_path(&rig, "record"), "e1 1\ne2 1\n");
    rig_end(&rig);
}

static void test_deaths(void **state) {
    dies_with_running("abort");
    dies_with_running("exit0");
    dies_with_running("closefds");
    dies_with_running("steal"); /* also: no frame ends up in the file that has the socket's number now */
    dies_with_running("segfault");
    dies_with_running("stackoverflow");
}

static void test_hanging_is_seen(void **state) {
    struct rig rig;
    start_misbehave(&rig);
    int64_t before = clock_monotonic_ms();
    rig_put_event(&rig, 5, false, told("hang", ""));
    rig_send(&rig);
    while (atomic_load(&rig.page->since_ms) == 0 || atomic_load(&rig.page->running) != 5)
        usleep(1000);
    assert_true(atomic_load(&rig.page->since_ms) >= before);
    assert_int_equal(atomic_load(&rig.page->phase), WIRE_PHASE_DELIVER);
    rig_end(&rig);
}

static void test_garbage_to_host(void **state) {
    struct rig rig;
    start_misbehave(&rig);
    buffer_append_text(&rig.out, "GET / HTTP/1.1\r\n\r\n");
    rig_send(&rig);
    int status = rig_wait(&rig);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    rig_end(&rig);
}

static void test_daemon_gone(void **state) {
    struct rig rig;
    start_flushing(&rig);
    int status;
    close(rig.socket);
    rig.socket = -1;
    assert_int_equal(waitpid(rig.child, &status, 0), rig.child);
    rig.child = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_file(rig_path(&rig, "record"), "shutdown\n");
    rig_end(&rig);
}

static void test_flush_is_shared(void **state) {
    struct rig rig;
    start_flushing(&rig);
    for (int i = 1; i <= 3; i++)
        rig_put_event(&rig, i, false, plain);
    rig_put_event(&rig, 4, false, told("fail", ""));
    rig_put_event(&rig, 5, false, plain);
    rig_send(&rig);
    for (int i = 1; i <= 5; i++)
        rig_expect_outcome(&rig, i, i == 4 ? GRAPNEL_FAIL : GRAPNEL_OK);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"), "deliver e1\ndeliver e2\ndeliver e3\ndeliver e4\ndeliver e5\n"
                                          "flush e1 e2 e3 e5\nshutdown\n");
    rig_end(&rig);
}

/* 300 at once: more than one flush holds. */
static void test_flush_after_256(void **state) {
    struct rig rig;
    start_flushing(&rig);
    for (int i = 1; i <= 300; i++)
        rig_put_event(&rig, i, false, plain);
    rig_send(&rig);
    for (int i = 1; i <= 300; i++)
        rig_expect_outcome(&rig, i, GRAPNEL_OK);
    rig_stop(&rig);
    rig_end(&rig);
}

/* Slow events are not kept provisional for longer than 20 ms. */
static void test_flush_after_time(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, told("sleep", ""));
    rig_put_event(&rig, 2, false, told("sleep", ""));
    rig_put_event(&rig, 3, false, told("sleep", ""));
    rig_send(&rig);
    for (int i = 1; i <= 3; i++)
        rig_expect_outcome(&rig, i, GRAPNEL_OK);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"), "deliver e1\ndeliver e2\nflush e1 e2\ndeliver e3\nflush e3\nshutdown\n");
    rig_end(&rig);
}

static void test_flush_failure_is_run_again_alone(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, plain);
    rig_put_event(&rig, 2, false, told("", "retry"));
    rig_put_event(&rig, 3, false, told("retry", ""));
    rig_put_event(&rig, 4, false, told("", "fail"));
    rig_put_event(&rig, 5, false, plain);
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    struct rig_outcome outcome = rig_outcome(&rig);
    assert_int_equal(outcome.sequence, 2);
    assert_int_equal(outcome.code, GRAPNEL_RETRY);
    assert_int_equal(outcome.after_ms, 2000);
    assert_string_equal(outcome.text, "flush of e2 says retry");
    outcome = rig_outcome(&rig);
    assert_int_equal(outcome.sequence, 3);
    assert_int_equal(outcome.after_ms, 1000);
    assert_string_equal(outcome.text, "deliver of e3 says retry");
    rig_expect_outcome(&rig, 4, GRAPNEL_FAIL);
    rig_expect_outcome(&rig, 5, GRAPNEL_OK);
    assert_int_equal(atomic_load(&rig.page->delivered), 5);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"),
                "deliver e1\ndeliver e2\ndeliver e3\ndeliver e4\ndeliver e5\nflush e1 e2 e4 e5\n"
                "deliver e1\nflush e1\ndeliver e2\nflush e2\ndeliver e4\nflush e4\n"
                "deliver e5\nflush e5\nshutdown\n");
    rig_end(&rig);
}

/* Alone already: its answer counts at once. */
static void test_flush_failure_of_one(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, told("", "fail"));
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_FAIL);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"), "deliver e1\nflush e1\nshutdown\n");
    rig_end(&rig);
}

static void test_flush_busy_gives_all_back(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, plain);
    rig_put_event(&rig, 2, false, told("", "busy"));
    rig_put_event(&rig, 3, false, told("fail", ""));
    rig_send(&rig);
    for (int i = 1; i <= 2; i++) {
        struct rig_outcome outcome = rig_outcome(&rig);
        assert_int_equal(outcome.sequence, i);
        assert_int_equal(outcome.code, GRAPNEL_BUSY);
        assert_int_equal(outcome.after_ms, 3000);
        assert_string_equal(outcome.text, "flush of e2 says busy");
    }
    rig_expect_outcome(&rig, 3, GRAPNEL_FAIL);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"), "deliver e1\ndeliver e2\ndeliver e3\nflush e1 e2\nshutdown\n");
    rig_end(&rig);
}

static void test_alone(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, plain);
    rig_put_event(&rig, 2, false, plain);
    rig_put_event(&rig, 3, true, plain);
    rig_put_event(&rig, 4, true, plain);
    rig_put_event(&rig, 5, false, plain);
    rig_send(&rig);
    for (int i = 1; i <= 5; i++)
        rig_expect_outcome(&rig, i, GRAPNEL_OK);
    rig_stop(&rig);
    assert_file(rig_path(&rig, "record"), "deliver e1\ndeliver e2\nflush e1 e2\ndeliver e3\nflush e3\n"
                                          "deliver e4\nflush e4\ndeliver e5\nflush e5\nshutdown\n");
    rig_end(&rig);
}

/* STOP right behind the events: flushed and answered before shutdown. */
static void test_stop_flushes(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, plain);
    rig_put_stop(&rig);
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    int status = rig_wait(&rig);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_file(rig_path(&rig, "record"), "deliver e1\nflush e1\nshutdown\n");
    rig_end(&rig);
}

/* Death in a flush: of several nobody is charged by the page, of one that one. */
static void test_death_in_flush(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, plain);
    rig_put_event(&rig, 2, false, told("", "closefds"));
    rig_send(&rig);
    rig_wait(&rig);
    assert_int_equal(atomic_load(&rig.page->phase), WIRE_PHASE_FLUSH);
    assert_int_equal(atomic_load(&rig.page->running), 0);
    assert_int_equal(atomic_load(&rig.page->delivered), 2);
    rig_end(&rig);

    start_flushing(&rig);
    rig_put_event(&rig, 1, true, plain);
    rig_put_event(&rig, 2, true, told("", "closefds"));
    rig_put_event(&rig, 3, true, plain);
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_wait(&rig);
    assert_int_equal(atomic_load(&rig.page->running), 2);
    rig_end(&rig);
}

/* A provisional event must not be lost with a later one that crashes: the page tells them apart. */
static void test_death_behind_provisional(void **state) {
    struct rig rig;
    start_flushing(&rig);
    rig_put_event(&rig, 1, false, plain);
    rig_put_event(&rig, 2, false, told("segfault", ""));
    rig_send(&rig);
    rig_wait(&rig);
    assert_int_equal(atomic_load(&rig.page->delivered), 1);
    assert_int_equal(atomic_load(&rig.page->running), 2);
    rig_end(&rig);
}

static void test_settings_reach_plugin(void **state) {
    struct rig rig;
    rig_folder(&rig);
    const char *settings[] = { "out", "seen", "templates/b/subject", "B", "list/0", "x", "list/1", "y", "integer",
                               "5",   NULL };
    assert_int_equal(rig_ready(&rig, "tests/plugins", "settings_all", settings), GRAPNEL_OK);
    rig_put_event(&rig, 1, false, plain);
    rig_send(&rig);
    rig_expect_outcome(&rig, 1, GRAPNEL_OK);
    rig_stop(&rig);
    /* a relative path starts in the working folder */
    assert_file(rig_path(&rig, "seen"),
                "out=seen|0\ntemplates/b/subject=B|0\nlist/0=x|0\nlist/1=y|0\ninteger=5|5\nend\n");
    rig_end(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_missing_folder),
        cmocka_unit_test(test_init_answers),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_dripped),
        cmocka_unit_test(test_large_event),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_slow_outcome_is_sent_first),
        cmocka_unit_test(test_log_comes_at_once),
        cmocka_unit_test(test_deaths),
        cmocka_unit_test(test_hanging_is_seen),
        cmocka_unit_test(test_garbage_to_host),
        cmocka_unit_test(test_daemon_gone),
        cmocka_unit_test(test_flush_is_shared),
        cmocka_unit_test(test_flush_after_256),
        cmocka_unit_test(test_flush_after_time),
        cmocka_unit_test(test_flush_failure_is_run_again_alone),
        cmocka_unit_test(test_flush_failure_of_one),
        cmocka_unit_test(test_flush_busy_gives_all_back),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_stop_flushes),
        cmocka_unit_test(test_death_in_flush),
        cmocka_unit_test(test_death_behind_provisional),
        cmocka_unit_test(test_settings_reach_plugin),
    };
    return cmocka_run_group_tests_name("host loop", tests, NULL, NULL);
}
