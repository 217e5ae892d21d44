/* Does what the file of setting `steer` says at that moment: its first line is for all events, `ID WHAT` in a further line for one. WHAT is
 * `ok`, `busy [MS]`, `retry [MS]`, `fail`, `crash` or `hang`, perhaps with `after MS ` before it, which is slept first. Records
 * `begin ID ATTEMPT KEY MS` and `end ID WHAT MS` around it, MS being unix time. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

enum { STEER_LIMIT = 16384 };

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char *steer_read(struct grapnel_call *call) {
    char *text = grapnel_allocate(call, STEER_LIMIT);
    int descriptor = open(grapnel_setting_text(call, "steer"), O_RDONLY | O_CLOEXEC);
    ssize_t length = descriptor < 0 ? 0 : read(descriptor, text, STEER_LIMIT - 1);
    text[length < 0 ? 0 : length] = '\0';
    if (descriptor >= 0)
        close(descriptor);
    return text;
}

/* What is to be done with this event; ok if nothing is said. */
static char *steer_find(struct grapnel_call *call) {
    static char nothing[] = "ok";
    const char *id = grapnel_id(call);
    char *all = NULL, *rest = steer_read(call);
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!all)
            all = line;
        else if (strncmp(line, id, strlen(id)) == 0 && line[strlen(id)] == ' ')
            return line + strlen(id) + 1;
    }
    return all && *all ? all : nothing;
}

static char *steer_sleep(char *what) {
    if (strncmp(what, "after ", 6) != 0)
        return what;
    int64_t ms = strtoll(what + 6, &what, 10);
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    while (nanosleep(&left, &left) != 0)
        ;
    return what + strspn(what, " ");
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)self;
    record(call, grapnel_format(call, "begin %s %d %s %lld\n", grapnel_id(call), (int)grapnel_attempt(call),
                                grapnel_key(call), (long long)now_ms()));
    char *what = steer_sleep(steer_find(call)), *word = strsep(&what, " ");
    int64_t ms = what ? strtoll(what, NULL, 10) : 0;
    record(call, grapnel_format(call, "end %s %s %lld\n", grapnel_id(call), word, (long long)now_ms()));
    if (strcmp(word, "busy") == 0)
        return grapnel_busy(call, ms, "steered to be busy");
    if (strcmp(word, "retry") == 0)
        return grapnel_retry(call, ms, "steered to retry");
    if (strcmp(word, "fail") == 0)
        return grapnel_fail(call, "steered to fail");
    if (strcmp(word, "crash") == 0)
        abort();
    while (strcmp(word, "hang") == 0)
        pause();
    return GRAPNEL_OK;
}

static const struct grapnel_setting settings[] = {
    RECORD_SETTING,
    { "steer", GRAPNEL_TEXT, "steer.txt", "A file: what to do" },
    { 0 },
};

GRAPNEL_PLUGIN(.name = "steered", .version = "1.0.0", .summary = "Does what a file says", .settings = settings,
               .deliver = deliver);
