/* Starts processes that no process group holds: /data/object/count of them, each forked twice in a session of its own. Each appends its
 * number to the file of setting `record` and sleeps, with /data/object/bytes of memory in use. /data/object/then says what comes
 * after that: "abort", "wait" (for ever), or nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grapnel/plugin.h>

static const struct grapnel_setting settings[] = {
    { "record", GRAPNEL_TEXT, NULL, "A file that gets a line for each process" },
    { NULL, 0, NULL, NULL },
};

static size_t number_at(struct grapnel_call *call, const char *pointer) {
    const char *text = grapnel_json(call, pointer);
    return text ? strtoul(text, NULL, 10) : 0;
}

_Noreturn static void stay(const char *record, size_t bytes, int told) {
    char *memory = malloc(bytes + 1);
    FILE *file = fopen(record, "a");
    if (!memory || !file)
        _exit(1);
    memset(memory, 1, bytes + 1);
    __asm__ volatile("" : : "r"(memory) : "memory"); /* nobody reads it, and it must be there all the same */
    setvbuf(file, NULL, _IOFBF, BUFSIZ);             /* one write for the line */
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
    close(told);
    for (;;)
        pause();
}

/* Returns when it has appended its number: then nobody but it holds the pipe any more. */
static int start(const char *record, size_t bytes) {
    int pipes[2];
    char nothing;
    if (pipe(pipes) != 0)
        return 0;
    pid_t process = fork();
    if (process == 0) {
        setsid();
        if (fork() == 0)
            stay(record, bytes, pipes[1]);
        _exit(0);
    }
    close(pipes[1]);
    int done = process > 0 && waitpid(process, NULL, 0) == process && read(pipes[0], &nothing, 1) == 0;
    close(pipes[0]);
    return done;
}

static int deliver(struct grapnel_call *call, void *self) {
    const char *then = grapnel_text(call, "/data/object/then"), *record = grapnel_setting_text(call, "record");
    size_t count = number_at(call, "/data/object/count"), bytes = number_at(call, "/data/object/bytes");
    (void)self;
    for (size_t i = 0; i < count; i++)
        if (!start(record, bytes))
            return grapnel_fail(call, "process %zu can't be started", i);
    if (then && strcmp(then, "abort") == 0)
        abort();
    while (then && strcmp(then, "wait") == 0)
        pause();
    return GRAPNEL_OK;
}

GRAPNEL_PLUGIN(.name = "starter", .version = "1.0.0", .summary = "Leaves processes behind", .settings = settings,
               .deliver = deliver);
