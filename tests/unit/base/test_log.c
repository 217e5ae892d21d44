/* Log lines: their form, that nothing in them can harm a terminal or a parser, their length, and the budget for strangers' lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

/* A log that writes into a pipe, and what came out of it. */
struct tap {
    struct log log;
    int reading;
    char text[65536];
};

static void tap_open(struct tap *tap, enum log_level level, enum log_format format) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    atomic_init(&tap->log.level, level);
    atomic_init(&tap->log.format, format);
    tap->log.descriptor = ends[1];
    tap->reading = ends[0];
}

static const char *tap_read(struct tap *tap) {
    size_t length = 0;
    ssize_t more;
    while ((more = read(tap->reading, tap->text + length, sizeof tap->text - 1 - length)) > 0)
        length += (size_t)more;
    tap->text[length] = '\0';
    return tap->text;
}

static void tap_close(struct tap *tap) {
    close(tap->reading);
    close(tap->log.descriptor);
}

enum { TIME_LENGTH = 24 };

static void text_lines(void **state) {
    struct tap tap;
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    errno = EPERM;
    log_info(&tap.log, "message %d", 7);
    assert_int_equal(errno, EPERM);
    const char *line = tap_read(&tap);
    int year, month, day, hour, minute, second, ms, read = 0;
    assert_int_equal(
        sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute, &second, &ms, &read), 7);
    assert_int_equal(read, TIME_LENGTH);
    assert_string_equal(line + TIME_LENGTH, " info  message 7\n");
    log_warn(&tap.log, "w");
    assert_string_equal(tap_read(&tap) + TIME_LENGTH, " warn  w\n");
    log_error(&tap.log, "e");
    assert_string_equal(tap_read(&tap) + TIME_LENGTH, " error e\n");
    log_debug(&tap.log, "not wanted");
    assert_string_equal(tap_read(&tap), "");
    atomic_store(&tap.log.level, LOG_LEVEL_DEBUG);
    log_debug(&tap.log, "wanted now");
    assert_string_equal(tap_read(&tap) + TIME_LENGTH, " debug wanted now\n");
    tap_close(&tap);
}

static void text_escapes_what_a_terminal_would_obey(void **state) {
    struct tap tap;
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info(&tap.log, "%s", "a\nb\tc\r\x1b[31m\x7f\x01 \\ \xc3\xa9 \xc2\x9b \xff \xe2\x82 \xed\xa0\x80");
    assert_string_equal(
        tap_read(&tap) + TIME_LENGTH,
        " info  a\\nb\\tc\\x0d\\x1b[31m\\x7f\\x01 \\ \xc3\xa9 \\xc2\\x9b \\xff \\xe2\\x82 \\xed\\xa0\\x80\n");
    tap_close(&tap);
}

static void json_lines(void **state) {
    struct tap tap;
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_warn(&tap.log, "%s", "a\nb\"\\\x1b\xff\xc3\xa9");
    const char *line = tap_read(&tap);
    assert_memory_equal(line, "{\"time\":\"2", 10);
    assert_string_equal(line + 9 + TIME_LENGTH,
                        "\",\"level\":\"warn\",\"message\":\"a\\nb\\\"\\\\\\u001b\xef\xbf\xbd\xc3\xa9\"}\n");
    atomic_store(&tap.log.format, LOG_FORMAT_TEXT);
    log_warn(&tap.log, "text now");
    assert_string_equal(tap_read(&tap) + TIME_LENGTH, " warn  text now\n");
    tap_close(&tap);
}

static void long_lines_are_cut(void **state) {
    static const char *const fillings[] = { "x", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x1b", "\"", "\xff" };
    struct tap tap;
    for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
        for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
            for (int shift = 0; shift < 8; shift++) {
                char message[12000];
                size_t length = (size_t)shift;
                memset(message, '.', length);
                while (length + 5 < sizeof message)
                    length += (size_t)sprintf(message + length, "%s", fillings[i]);
                tap_open(&tap, LOG_LEVEL_INFO, (enum log_format)format);
                log_info(&tap.log, "%s", message);
                const char *line = tap_read(&tap),
                           *end = format == LOG_FORMAT_JSON ? "\xe2\x80\xa6\"}\n" : "\xe2\x80\xa6\n";
                assert_true(strlen(line) <= LOG_LINE_LIMIT);
                assert_true(strlen(line) > LOG_LINE_LIMIT / 2);
                assert_string_equal(line + strlen(line) - strlen(end), end);
                assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
                if (i < 3 && format == LOG_FORMAT_TEXT)
                    assert_null(strstr(line, "\\x")); /* no character was cut in two */
                tap_close(&tap);
            }
        }
    }
}

static void fields_are_members_of_the_json_form(void **state) {
    const struct log_field fields[] = { log_text(LOG_PLUGIN, "email"),
                                        log_bytes(LOG_ID, (struct bytes){ "evt_1 and more", 5 }),
                                        log_text(LOG_TYPE, NULL),
                                        log_number(LOG_ATTEMPT, 3),
                                        log_text(LOG_ERROR, "a\n\"\\\x1b\xff\xc3\xa9"),
                                        log_number(LOG_NEXT, 1769860800123),
                                        log_number(LOG_DURATION_MS, 12345),
                                        log_number(LOG_WORKER, LOG_NO_NUMBER),
                                        log_text(LOG_BREAKER, "") };
    struct tap tap;
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    errno = EPERM;
    log_event(&tap.log, LOG_LEVEL_WARN, NULL, fields, sizeof fields / sizeof *fields, "attempt %d failed", 3);
    assert_int_equal(errno, EPERM);
    assert_string_equal(tap_read(&tap) + 9 + TIME_LENGTH,
                        "\",\"level\":\"warn\",\"message\":\"attempt 3 failed\",\"plugin\":\"email\",\"id\":\"evt_1\","
                        "\"attempt\":3,\"error\":\"a\\n\\\"\\\\\\u001b\xef\xbf\xbd\xc3\xa9\",\"next\":"
                        "\"2026-01-31T12:00:00.123Z\",\"duration_ms\":12.345,\"breaker\":\"\"}\n");
    log_event(&tap.log, LOG_LEVEL_DEBUG, NULL, fields, 1, "not wanted");
    assert_string_equal(tap_read(&tap), "");
    atomic_store(&tap.log.format, LOG_FORMAT_TEXT);
    log_event(&tap.log, LOG_LEVEL_WARN, NULL, fields, sizeof fields / sizeof *fields, "words only");
    assert_string_equal(tap_read(&tap) + TIME_LENGTH, " warn  words only\n");
    tap_close(&tap);
}

static void every_key_has_a_row(void **state) {
    for (int key = 0; key < LOG_KEYS; key++) {
        assert_non_null(log_key_row((enum log_key)key)->name);
        assert_non_null(log_key_row((enum log_key)key)->meaning);
        for (int other = 0; other < key; other++)
            assert_string_not_equal(log_key_row((enum log_key)key)->name, log_key_row((enum log_key)other)->name);
    }
}

/* Past the string that begins at the quote; null if it does not end. */
static const char *after_string(const char *text) {
    for (text++; *text && *text != '"'; text++)
        text += *text == '\\';
    return *text ? text + 1 : NULL;
}

/* How many members has the flat JSON object that the line is? */
static int members_of(const char *line) {
    int members = 0;
    assert_int_equal(*line, '{');
    do {
        const char *value = after_string(line + 1);
        assert_non_null(value);
        assert_int_equal(*value, ':');
        line = value[1] == '"' ? after_string(value + 1) : value + 1 + strspn(value + 1, "-0123456789.");
        assert_non_null(line);
        members++;
    } while (*line == ',');
    assert_string_equal(line, "}\n");
    return members;
}

/* All keys at once, with texts that get six times as long; whatever is cut, the line stays whole and within its limit. */
static void texts_are_cut_and_never_the_structure(void **state) {
    static const char *const fillings[] = { "x", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x1b", "\"", "\\", "\xff" };
    struct tap tap;
    for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
        for (size_t wanted = 1; wanted < 6000; wanted = wanted * 5 / 4 + 1) {
            char text[6016];
            size_t length = 0;
            while (length < wanted)
                length += (size_t)sprintf(text + length, "%s", fillings[i]);
            struct log_field fields[LOG_KEYS];
            for (int key = 0; key < LOG_KEYS; key++)
                fields[key] = log_key_row((enum log_key)key)->kind == LOG_KIND_TEXT
                                  ? log_text((enum log_key)key, text)
                                  : log_number((enum log_key)key, INT64_MIN + 1);
            tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
            for (size_t words = 0; words < 3; words++) {
                log_event(&tap.log, LOG_LEVEL_INFO, NULL, fields, LOG_KEYS, "%s",
                          words == 0   ? ""
                          : words == 1 ? "short"
                                       : text);
                const char *line = tap_read(&tap);
                assert_true(strlen(line) <= LOG_LINE_LIMIT);
                assert_int_equal(members_of(line), 3 + LOG_KEYS);
                assert_true(words != 1 || strstr(line, "\"message\":\"short\""));
            }
            tap_close(&tap);
        }
    }
}

static int lines_in(const char *text) {
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void a_budget_for_strangers(void **state) {
    struct tap tap;
    struct log_limit limit = { 0 };
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 2 * LOG_LIMIT_LINES + 3; i++) {
        log_limited(&tap.log, &limit, LOG_LEVEL_WARN, "refused %d", i);
        log_limited(&tap.log, &limit, LOG_LEVEL_DEBUG, "below the level: costs nothing of the budget");
    }
    const char *text = tap_read(&tap);
    assert_int_equal(lines_in(text), LOG_LIMIT_LINES);
    assert_non_null(strstr(text, " warn  refused 0\n"));
    assert_non_null(strstr(text, " warn  refused 19\n"));
    assert_null(strstr(text, "left out"));
    const struct log_field field = log_text(LOG_SOURCE, "shop");
    log_event(&tap.log, LOG_LEVEL_WARN, &limit, &field, 1, "the same budget");
    assert_string_equal(tap_read(&tap), "");
    /* The window, moved into the past, is over. */
    atomic_fetch_sub(&limit.window_start_ms, LOG_LIMIT_WINDOW_MS);
    log_limited(&tap.log, &limit, LOG_LEVEL_WARN, "refused again");
    log_limited(&tap.log, &limit, LOG_LEVEL_WARN, "and again");
    text = tap_read(&tap);
    assert_non_null(strstr(text, " warn  (lines like this one that were left out: 24) refused again\n"));
    assert_non_null(strstr(text, " warn  and again\n"));
    tap_close(&tap);
}

static void *write_many(void *argument) {
    struct log *log = argument;
    for (int i = 0; i < 100; i++)
        log_info(log, "one whole line");
    return NULL;
}

static void left_out_lines_are_told(void **state) {
    struct tap tap;
    struct log_limit limit = { 0 };
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < LOG_LIMIT_LINES + 7; i++)
        log_limited(&tap.log, &limit, LOG_LEVEL_INFO, "refused");
    log_limit_tell(&tap.log, &limit, false, "refused requests"); /* more may come in this window */
    assert_int_equal(lines_in(tap_read(&tap)), LOG_LIMIT_LINES);
    log_limit_tell(&tap.log, &limit, true, "refused requests");
    log_limit_tell(&tap.log, &limit, true, "refused requests"); /* told once */
    const char *text = tap_read(&tap);
    assert_int_equal(lines_in(text), 1);
    assert_non_null(strstr(text, "refused requests: lines that were left out: 7\n"));
    tap_close(&tap);
}

static void threads_do_not_mix_their_lines(void **state) {
    struct tap tap;
    pthread_t threads[4];
    tap_open(&tap, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &tap.log), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const char *text = tap_read(&tap);
    assert_int_equal(lines_in(text), 400);
    for (; *text; text = strchr(text, '\n') + 1)
        assert_memory_equal(text + TIME_LENGTH, " info  one whole line\n", 22);
    tap_close(&tap);
}

static void names(void **state) {
    assert_int_equal(log_level_parse("debug"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("error"), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("Info"), -1);
    assert_int_equal(log_level_parse(""), -1);
    assert_int_equal(log_format_parse("text"), LOG_FORMAT_TEXT);
    assert_int_equal(log_format_parse("json"), LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse("xml"), -1);
}

static void faults(void **state) {
    struct fault fault;
    assert_false(fault_set(&fault, "%s:%d: wrong", "grapnel.yaml", 12));
    assert_string_equal(fault.text, "grapnel.yaml:12: wrong");
    assert_false(fault_set(&fault, "place: %s", fault.text));
    assert_string_equal(fault.text, "place: grapnel.yaml:12: wrong");
    assert_false(fault_set(NULL, "nobody listens"));
    assert_false(fault_set(&fault, "%*s", 3000, "x"));
    assert_int_equal(strlen(fault.text), FAULT_TEXT_SIZE - 1);
    assert_string_equal(fault.text + FAULT_TEXT_SIZE - 4, "...");
}

static void fault_lists(void **state) {
    struct fault_list list = { 0 };
    for (int i = 0; i < FAULT_LIST_LIMIT + 5; i++)
        fault_list_add(&list, "mistake %d", i);
    assert_int_equal(list.count, FAULT_LIST_LIMIT + 1);
    assert_string_equal(list.texts[FAULT_LIST_LIMIT], "… and 5 more");
    assert_string_equal(list.texts[0], "mistake 0");
    assert_string_equal(list.texts[FAULT_LIST_LIMIT - 1], "mistake 199");
    fault_list_free(&list);
    assert_int_equal(list.count, 0);
    fault_list_free(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines),
        cmocka_unit_test(text_escapes_what_a_terminal_would_obey),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(fields_are_members_of_the_json_form),
        cmocka_unit_test(every_key_has_a_row),
        cmocka_unit_test(texts_are_cut_and_never_the_structure),
        cmocka_unit_test(a_budget_for_strangers),
        cmocka_unit_test(left_out_lines_are_told),
        cmocka_unit_test(threads_do_not_mix_their_lines),
        cmocka_unit_test(names),
        cmocka_unit_test(faults),
        cmocka_unit_test(fault_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
