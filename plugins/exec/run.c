/* The payload is a file without a name (memfd), not a pipe: a command that reads it late, twice or never has no one waiting for it. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spawn.h"

#ifndef MFD_NOEXEC_SEAL /* since Linux 6.3; some machines allow no other */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

enum {
    READ_SIZE = 16 * 1024,
    READS_AFTER_END = 64 /* 1 MiB: more than a pipe holds; somebody who writes on must not keep us */
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- start and stop ---- */

/* As a subreaper we become the parent of what the command leaves behind, and so learn that there is something. */
int runner_start(struct grapnel_call *call, struct runner *runner) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    runner->children = -1;
    runner->stack = aligned_alloc(16, SPAWN_STACK_SIZE);
    if (runner->stack && guard_start(&runner->guard) && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 &&
        sigprocmask(SIG_BLOCK, &child, NULL) == 0)
        runner->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (runner->children >= 0)
        return GRAPNEL_OK;
    int error = errno;
    runner_stop(runner);
    return grapnel_busy(call, 0, "can't prepare to run commands: %s", strerror(error));
}

void runner_stop(struct runner *runner) {
    guard_stop(&runner->guard);
    if (runner->children >= 0)
        close(runner->children);
    runner->children = -1;
    free(runner->stack);
    runner->stack = NULL;
}

/* What left its group, with setsid for instance, and has ended since; and a guard that somebody killed. */
static void strays_reap(struct runner *runner) {
    for (pid_t process; (process = waitpid(-1, NULL, WNOHANG)) > 0;) {
        if (process == runner->guard.process) {
            close(runner->guard.pipe);
            runner->guard.process = 0;
        }
    }
}

static bool write_whole(int descriptor, const char *data, size_t length) {
    while (length) {
        ssize_t count = write(descriptor, data, length);
        if (count < 0 && errno != EINTR)
            return false;
        data += count > 0 ? count : 0;
        length -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* A descriptor at the payload's start, or -1. The command can't change it: what it starts may still read when it has ended. */
static int payload_open(struct grapnel_call *call) {
    size_t length;
    const char *payload = grapnel_json_length(call, "", &length);
    int descriptor = memfd_create("payload", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (descriptor < 0 && errno == EINVAL)
        descriptor = memfd_create("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0)
        return -1;
    if (payload && write_whole(descriptor, payload, length) &&
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0 &&
        lseek(descriptor, 0, SEEK_SET) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

/* ---- while it runs ---- */

/* False when there is nothing more to be read, now or ever. */
static bool output_read(int pipe, struct output *output, bool *open) {
    char data[READ_SIZE];
    ssize_t count = read(pipe, data, sizeof data);
    if (count > 0)
        output_take(output, data, (size_t)count);
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        *open = false;
    return count > 0;
}

/* Without reaping it: as long as it is there, its number stays its own. */
static bool process_ended(pid_t process, siginfo_t *information) {
    information->si_pid = 0;
    return waitid(P_PID, (id_t)process, information, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           information->si_pid == process;
}

/* False: its time was up, and it was killed. */
static bool process_watch(const struct runner *runner, pid_t process, int pipe, int64_t ends_ms,
                          struct output *output) {
    siginfo_t information;
    struct signalfd_siginfo signals[8];
    bool open = true, in_time = true;
    while (!process_ended(process, &information)) {
        int64_t left = ends_ms - now_ms();
        if (in_time && left <= 0) {
            in_time = false;
            kill(-process, SIGKILL);
            kill(process, SIGKILL); /* in case that it left its group */
        }
        struct pollfd entries[] = { { .fd = runner->children, .events = POLLIN },
                                    { .fd = open ? pipe : -1, .events = POLLIN } };
        poll(entries, 2, !in_time ? -1 : left > 1000000 ? 1000000 : (int)left);
        if (entries[0].revents)
            while (read(runner->children, signals, sizeof signals) > 0)
                ;
        if (entries[1].revents)
            output_read(pipe, output, &open);
    }
    for (int i = 0; open && i < READS_AFTER_END && output_read(pipe, output, &open); i++)
        ;
    return in_time;
}

/* Ends its group, in an order in which no number can have become another process's: killed before its leader is reaped, and the guard
 * told in between. */
static void process_finish(const struct runner *runner, pid_t process, struct run_result *result) {
    int status = 0;
    kill(-process, SIGKILL);
    guard_release(&runner->guard);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    result->number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (result->end != RUN_OVERDUE)
        result->end = WIFSIGNALED(status) ? RUN_SIGNALLED : RUN_EXITED;
    for (pid_t other; (other = waitpid(-process, NULL, WNOHANG)) >= 0;) {
        result->left = true;
        if (other == 0) /* killed, and about to end */
            break;
    }
}

/* ---- a run ---- */

/* What every command would meet is BUSY; only that this event's values are too long is its own. */
static int start_failed(struct grapnel_call *call, const struct command *command, enum spawn_step step) {
    int error = errno;
    if (step == SPAWN_FOLDER)
        return grapnel_busy(call, 0, "`folder`: %s: %s", command->folder, strerror(error));
    if (step == SPAWN_PROGRAM && error == E2BIG)
        return grapnel_fail(call, "%s: the values of this event are too long for arguments and environment",
                            command->name);
    if (step == SPAWN_PROGRAM && error == ENOEXEC)
        return grapnel_busy(call, 0, "%s is no program of this machine; a script begins with a line like #!/bin/sh",
                            command->name);
    if (step == SPAWN_PROGRAM && error == ENOENT)
        return grapnel_busy(call, 0, "%s can't be started: the interpreter that its first line names does not exist",
                            command->name);
    return grapnel_busy(call, 0, "%s can't be started: %s", command->name, strerror(error));
}

int runner_run(struct grapnel_call *call, struct runner *runner, const struct command *command, int64_t run_ms,
               struct output *output, struct run_result *result) {
    int64_t ends_ms = now_ms() + run_ms;
    int pipes[2];
    enum spawn_step step;
    *result = (struct run_result){ 0 };
    strays_reap(runner);
    if (!runner->guard.process && !guard_start(&runner->guard))
        return grapnel_busy(call, 0, "can't start a guard beside the command: %s", strerror(errno));
    int payload = payload_open(call);
    if (payload < 0)
        return grapnel_busy(call, 0, "the payload can't be handed to a command: %s", strerror(errno));
    if (pipe2(pipes, O_CLOEXEC) != 0 || fcntl(pipes[0], F_SETFL, O_NONBLOCK) != 0) {
        close(payload);
        return grapnel_busy(call, 0, "no pipe for a command's output: %s", strerror(errno));
    }
    struct spawn spawn = { command, &runner->guard, payload, pipes[1], runner->stack };
    pid_t process = spawn_start(&spawn, &step);
    int error = errno;
    close(payload);
    close(pipes[1]);
    if (process > 0) {
        if (!process_watch(runner, process, pipes[0], ends_ms, output))
            result->end = RUN_OVERDUE;
        process_finish(runner, process, result);
        output_end(output);
    }
    close(pipes[0]);
    errno = error;
    return process > 0 ? GRAPNEL_OK : start_failed(call, command, step);
}
