/* The kernel's list of children, for the main thread (orphans go to it) and for each thread of a worker. It is not exact while processes come
 * and go, which is why a look that has killed something is followed by another. */
#include "deliver/strays.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    MARKS = 1 << 30,   /* so many workers in the life of a daemon */
    TEXT_SIZE = 32768, /* of a list: at most eleven characters a process */
    PATH_SIZE = 80,
};

/* ---- /proc ---- */

/* The file's beginning, terminated; "" if it can't be read, as the process may be gone. */
static void file_text(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = file < 0 ? 0 : 1;
    while (got > 0 && length < size - 1) {
        got = read(file, text + length, size - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    text[length] = '\0';
    if (file >= 0)
        close(file);
}

/* Those that this thread has started, and, of the main one, those that it has inherited. */
static size_t children_of_thread(pid_t process, pid_t thread, pid_t *children, size_t limit) {
    char path[PATH_SIZE], text[TEXT_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process, (int)thread);
    file_text(path, text, sizeof text);
    size_t count = 0;
    for (char *next = text; count < limit; count++) {
        char *end;
        long child = strtol(next, &end, 10);
        if (end == next || *end != ' ') /* a number that was cut off is not followed by a space */
            break;
        children[count] = (pid_t)child;
        next = end + 1;
    }
    return count;
}

static size_t children_of(pid_t process, pid_t *children, size_t limit) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    size_t count = 0;
    for (struct dirent *entry = NULL; threads && (entry = readdir(threads));) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0)
            count += children_of_thread(process, thread, children + count, limit - count);
    }
    if (threads)
        closedir(threads);
    return count;
}

static int64_t resident_bytes(pid_t process) {
    char path[PATH_SIZE], text[128];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    file_text(path, text, sizeof text);
    char *resident = strchr(text, ' '); /* the second number; none if the process is gone */
    return resident ? strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

/* All that is below these processes, and they themselves. Numbers that come to another process meanwhile only make a sum that is off. */
static int64_t trees_bytes(pid_t *queue, size_t count) {
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += resident_bytes(queue[i]);
        count += children_of_thread(queue[i], queue[i], queue + count, STRAYS_LIMIT - count);
    }
    return bytes;
}

/* ---- marks ---- */

void strays_open(struct strays *strays) {
    struct rlimit limit;
    *strays = (struct strays){ 0 };
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || getrlimit(RLIMIT_RTTIME, &limit) != 0)
        return;
    rlim_t highest = limit.rlim_max < INT64_MAX ? limit.rlim_max : INT64_MAX; /* RLIM_INFINITY is beyond */
    /* Somebody may have limited it for us, as high as it ever matters: then there is no room for marks. */
    if (highest > (rlim_t)MARKS * MARKS)
        strays->ceiling = (int64_t)highest;
}

int64_t strays_mark(struct strays *strays) {
    return strays->ceiling && strays->given < MARKS ? strays->ceiling - ++strays->given : 0;
}

/* The mark of a child of ours; 0: it has none of ours. *foreign: it has gained other rights, and can't be asked. */
static int64_t mark_of(const struct strays *strays, pid_t process, bool *foreign) {
    struct rlimit limit;
    *foreign = false;
    if (prlimit(process, RLIMIT_RTTIME, NULL, &limit) != 0) {
        *foreign = errno == EPERM;
        return 0;
    }
    bool ours = limit.rlim_max < (rlim_t)strays->ceiling && limit.rlim_max >= (rlim_t)(strays->ceiling - strays->given);
    return ours ? (int64_t)limit.rlim_max : 0;
}

/* ---- a look ---- */

static struct stray_owner *owner_of(struct stray_owner *owners, size_t count, pid_t process, int64_t mark) {
    for (size_t i = 0; i < count; i++)
        if (owners[i].process == process || (mark && owners[i].mark == mark))
            return &owners[i];
    return NULL;
}

void strays_ended(struct strays *strays, pid_t process) {
    strays->groups[strays->group_next++ % STRAYS_GROUPS] = process;
}

static bool group_was_killed(const struct strays *strays, pid_t process) {
    pid_t group = getpgid(process);
    for (int i = 0; i < STRAYS_GROUPS; i++)
        if (group > 0 && strays->groups[i] == group)
            return true;
    return false;
}

static void stray_kill(const struct strays *strays, pid_t process, struct strays_found *found) {
    char path[PATH_SIZE], name[STRAYS_NAME_SIZE];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)process);
    file_text(path, name, sizeof name);
    name[strcspn(name, "\n")] = '\0';
    if (kill(process, SIGKILL) != 0)
        return;
    found->dying++;
    if (!group_was_killed(strays, process) && found->killed++ == 0) {
        found->first = process;
        memcpy(found->name, name, sizeof name);
    }
}

struct strays_found strays_look(const struct strays *strays, struct stray_owner *owners, size_t count) {
    pid_t children[STRAYS_LIMIT], queue[STRAYS_LIMIT];
    struct strays_found found = { 0 };
    if (!strays->ceiling)
        return found;
    for (size_t i = 0; i < count; i++)
        owners[i].children_bytes = trees_bytes(queue, children_of(owners[i].process, queue, STRAYS_LIMIT));
    size_t child_count = children_of(getpid(), children, STRAYS_LIMIT);
    for (size_t i = 0; i < child_count; i++) {
        bool foreign;
        if (owner_of(owners, count, children[i], 0))
            continue;
        int64_t mark = mark_of(strays, children[i], &foreign);
        if ((!mark && !foreign) || waitpid(children[i], NULL, WNOHANG) != 0)
            continue; /* not a worker's, or it has ended */
        struct stray_owner *owner = mark ? owner_of(owners, count, 0, mark) : NULL;
        queue[0] = children[i];
        if (owner)
            owner->children_bytes += trees_bytes(queue, 1);
        else if (mark)
            stray_kill(strays, children[i], &found);
    }
    return found;
}

void strays_close(struct strays *strays) {
    int64_t end = clock_monotonic_ms() + STRAYS_END_MS;
    while (strays_look(strays, NULL, 0).dying && clock_monotonic_ms() < end)
        poll(NULL, 0, STRAYS_AGAIN_MS);
    strays->ceiling = 0;
}
