/* Does what the event says at /data/object/do, which is mostly something bad. First it appends `id attempt` to the file of setting
 * `record`. With /data/object/times N it does so on the first N attempts only, and says OK after that. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

typedef int action(struct grapnel_call *call);

static int64_t number_at(struct grapnel_call *call, const char *pointer, int64_t fallback) {
    const char *text = grapnel_json(call, pointer);
    return text ? strtoll(text, NULL, 10) : fallback;
}

static int do_ok(struct grapnel_call *call) {
    (void)call;
    return GRAPNEL_OK;
}

static int do_retry(struct grapnel_call *call) {
    return grapnel_retry(call, number_at(call, "/data/object/after_ms", 0), "told to retry %s", grapnel_id(call));
}

static int do_busy(struct grapnel_call *call) {
    return grapnel_busy(call, number_at(call, "/data/object/after_ms", 0), "told to be busy");
}

static int do_fail(struct grapnel_call *call) {
    return grapnel_fail(call, "told to fail %s", grapnel_id(call));
}

static int do_bad_code(struct grapnel_call *call) {
    (void)call;
    return 4711;
}

static int do_segfault(struct grapnel_call *call) {
    (void)call;
    volatile int *volatile nowhere = NULL;
    return *nowhere;
}

static int do_abort(struct grapnel_call *call) {
    (void)call;
    abort();
}

static int do_exit0(struct grapnel_call *call) {
    (void)call;
    exit(0);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int eat_stack(volatile char *above) {
    volatile char here[4096];
    here[0] = *above;
    return eat_stack(here) + here[0];
}
#pragma GCC diagnostic pop

static int do_stackoverflow(struct grapnel_call *call) {
    (void)call;
    volatile char start = 1;
    return eat_stack(&start);
}

static int do_hang(struct grapnel_call *call) {
    (void)call;
    while (pause() != 0)
        ; /* it never returns 0 */
    return GRAPNEL_OK;
}

static int do_spin(struct grapnel_call *call) {
    (void)call;
    for (volatile unsigned i = 1; i; i |= 1)
        ;
    return GRAPNEL_OK;
}

static int do_stop(struct grapnel_call *call) {
    (void)call;
    raise(SIGSTOP);
    return GRAPNEL_OK;
}

static int do_sleep(struct grapnel_call *call) {
    int64_t ms = number_at(call, "/data/object/ms", 100);
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    while (nanosleep(&left, &left) != 0)
        ;
    return GRAPNEL_OK;
}

static int do_closefds(struct grapnel_call *call) {
    (void)call;
    for (int descriptor = 0; descriptor < 256; descriptor++)
        close(descriptor);
    return GRAPNEL_OK;
}

/* A file now has the number of the host's socket: its frames must not end up in there. */
static int do_steal(struct grapnel_call *call) {
    const char *path = grapnel_setting_text(call, "record");
    for (int descriptor = 3; descriptor < 256; descriptor++)
        close(descriptor);
    for (int i = 3; i < 16; i++)
        if (open(path, O_WRONLY | O_APPEND | O_CLOEXEC) < 0)
            abort();
    grapnel_log(call, GRAPNEL_INFO, "this must not reach the file");
    return GRAPNEL_OK;
}

static int do_garbage(struct grapnel_call *call) {
    (void)call;
    static const char junk[] = "GPNL this is no frame at all, whatever it begins with";
    struct stat status;
    for (int descriptor = 3; descriptor < 256; descriptor++)
        if (fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) && write(descriptor, junk, sizeof junk) < 0)
            abort();
    return GRAPNEL_OK;
}

static int do_leak(struct grapnel_call *call) {
    size_t bytes = (size_t)number_at(call, "/data/object/bytes", 64 * 1024 * 1024);
    static void *volatile lost;
    lost = malloc(bytes);
    if (!lost)
        return grapnel_retry(call, 0, "no memory for %zu bytes", bytes);
    memset(lost, 1, bytes);
    return GRAPNEL_OK;
}

/* Leaves a child behind that has all descriptors open; its number goes to RECORD.pid. */
static int do_fork_daemon(struct grapnel_call *call) {
    const char *path = grapnel_format(call, "%s.pid", grapnel_setting_text(call, "record"));
    pid_t child = fork();
    if (child < 0)
        return grapnel_retry(call, 0, "can't fork");
    if (child == 0) {
        setsid();
        FILE *file = fopen(path, "w");
        if (!file || fprintf(file, "%d\n", (int)getpid()) < 0 || fclose(file) != 0)
            _exit(1);
        sleep(600);
        _exit(0);
    }
    return GRAPNEL_OK;
}

static int do_kill_group(struct grapnel_call *call) {
    (void)call;
    kill(0, SIGKILL);
    return GRAPNEL_OK;
}

/* Changes what a process shares with nobody: other plugins must not notice. */
static int do_vandalize(struct grapnel_call *call) {
    (void)call;
    signal(SIGTERM, SIG_IGN);
    umask(0777);
    return chdir("/") == 0 && setenv("PATH", "/nonexistent", 1) == 0 ? GRAPNEL_OK : GRAPNEL_RETRY;
}

static int do_talk(struct grapnel_call *call) {
    printf("stdout of %s\n", grapnel_id(call));
    fprintf(stderr, "stderr of %s\n", grapnel_id(call));
    grapnel_log(call, GRAPNEL_WARN, "log of %s", grapnel_id(call));
    return dprintf(GRAPNEL_STDOUT, "output of %s\n", grapnel_id(call)) > 0 ? GRAPNEL_OK : GRAPNEL_RETRY;
}

static const struct {
    const char *name;
    action *run;
} actions[] = {
    { "ok", do_ok },
    { "retry", do_retry },
    { "busy", do_busy },
    { "fail", do_fail },
    { "bad_code", do_bad_code },
    { "segfault", do_segfault },
    { "abort", do_abort },
    { "exit0", do_exit0 },
    { "stackoverflow", do_stackoverflow },
    { "hang", do_hang },
    { "spin", do_spin },
    { "stop", do_stop },
    { "sleep", do_sleep },
    { "closefds", do_closefds },
    { "steal", do_steal },
    { "garbage", do_garbage },
    { "leak", do_leak },
    { "fork_daemon", do_fork_daemon },
    { "kill_group", do_kill_group },
    { "vandalize", do_vandalize },
    { "talk", do_talk },
};

static int deliver(struct grapnel_call *call, void *self) {
    (void)self;
    record(call, grapnel_format(call, "%s %d\n", grapnel_id(call), (int)grapnel_attempt(call)));
    const char *wanted = grapnel_text(call, "/data/object/do");
    if (!wanted || grapnel_attempt(call) > number_at(call, "/data/object/times", INT64_MAX))
        return GRAPNEL_OK;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(wanted, actions[i].name) == 0)
            return actions[i].run(call);
    return grapnel_fail(call, "misbehave.so can't do \"%s\"", wanted);
}

static const struct grapnel_setting settings[] = {
    RECORD_SETTING,
    { "secret", GRAPNEL_SECRET, "", "Held, and told to nobody" },
    { 0 },
};

GRAPNEL_PLUGIN(.name = "misbehave", .version = "1.0.0", .summary = "Does what the event says, which is mostly bad",
               .settings = settings, .deliver = deliver);
