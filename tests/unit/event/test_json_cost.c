/* What hostile texts cost: no more stack than a harmless one, and milliseconds. Each is parsed on a thread whose stack is ours and painted, so
 * that it can be seen how far down it was used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "event/json.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
#ifdef __OPTIMIZE__
#define OPTIMISED 1
#else
#define OPTIMISED 0
#endif

enum {
    STACK_SIZE = 512 * 1024,
    PAINT = 0xa5,
    STACK_MORE =
        8192, /* than a harmless text: what the dynamic linker takes now and then; a recursion would take megabytes */
    MEBIBYTE = 1024 * 1024,
    BRACKETS = 100000,
    ROUNDS = 20, /* the best counts: the machine may have other work */
    /* Optimised it takes about 3 ms at most, otherwise 10; sanitizers are slower still. The rest is room for a busy machine. */
    LIMIT_US = SANITIZED   ? 200000
               : OPTIMISED ? 10000
                           : 40000,
};

struct run {
    struct bytes text;
    bool accepted;
    int64_t best_us;
    size_t stack;
};

/* Parses and reads everything that recursion or a second look could hide in. */
static void *text_read(void *argument) {
    struct run *run = argument;
    run->best_us = INT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        struct json json = { 0 };
        struct buffer value = { 0 };
        int64_t start = clock_monotonic_us();
        run->accepted = json_parse(&json, run->text, NULL);
        json_string(&json, 0, &value);
        json_find(&json, "/0/0/0/a/0", NULL);
        json_count(&json, 0);
        int64_t took = clock_monotonic_us() - start;
        run->best_us = took < run->best_us ? took : run->best_us;
        buffer_free(&value);
        json_free(&json);
    }
    return NULL;
}

static struct run run_of(struct buffer *text) {
    struct run run = { .text = { text->data, text->length } };
    pthread_attr_t attributes;
    pthread_t thread;
    unsigned char *stack =
        mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    memset(stack, PAINT, STACK_SIZE);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attributes, text_read, &run), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    size_t untouched = 0;
    while (untouched < STACK_SIZE && stack[untouched] == PAINT)
        untouched++;
    run.stack = STACK_SIZE - untouched;
    pthread_attr_destroy(&attributes);
    munmap(stack, STACK_SIZE);
    return run;
}

static struct buffer repeated(const char *before, const char *part, size_t count, const char *behind) {
    struct buffer text = { 0 };
    buffer_append_text(&text, before);
    for (size_t i = 0; i < count; i++)
        buffer_append_text(&text, part);
    buffer_append_text(&text, behind);
    return text;
}

static const struct {
    const char *name, *before, *part;
    size_t count;
    const char *behind;
    bool accepted;
} texts[] = {
    { "100,000 opening brackets", "", "[", BRACKETS, "", false },
    { "100,000 opening objects", "", "{\"a\":", BRACKETS, "", false },
    { "100,000 closing brackets", "", "]", BRACKETS, "", false },
    { "as deep as allowed", "", "[", JSON_DEPTH_LIMIT, "", false },
    { "1 MiB of short escapes", "\"", "\\n", (MEBIBYTE - 2) / 2, "\"", true },
    { "1 MiB of u escapes", "\"", "\\u00e9", (MEBIBYTE - 2) / 6, "\"", true },
    { "1 MiB of surrogate pairs", "\"", "\\ud83d\\ude00", (MEBIBYTE - 2) / 12, "\"", true },
    { "1 MiB of backslashes, then open", "\"", "\\\\", (MEBIBYTE - 2) / 2, "", false },
    { "1 MiB of four-byte characters", "\"", "\xf0\x9f\x98\x80", (MEBIBYTE - 2) / 4, "\"", true },
    { "1 MiB of white space", "", " ", MEBIBYTE - 1, "1", true },
    { "1 MiB of white space behind", "1", " ", MEBIBYTE - 1, "", true },
    { "1 MiB of digits", "", "7", MEBIBYTE, "", true },
};

static void hostile_texts_are_cheap(void **state) {
    struct buffer harmless = repeated("{\"id\":\"evt_1\",\"list\":[1,{\"a\":\"\\u00e9\"}]}", "", 0, "");
    /* Lazy binding, thread-local memory: whatever a thread needs is the same for all. */
    struct run yardstick = run_of(&harmless);
    assert_true(yardstick.accepted);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buffer text = repeated(texts[i].before, texts[i].part, texts[i].count, texts[i].behind);
        struct run run = run_of(&text);
        print_message("%-32s %7zu bytes: %6lld us, %zu bytes of stack (a harmless one: %zu)\n", texts[i].name,
                      text.length, (long long)run.best_us, run.stack, yardstick.stack);
        assert_int_equal(run.accepted, texts[i].accepted);
        assert_true(run.stack <= yardstick.stack + STACK_MORE);
        assert_true(run.best_us < LIMIT_US);
        buffer_free(&text);
    }
    buffer_free(&harmless);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(hostile_texts_are_cheap) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
