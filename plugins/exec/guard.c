/* The guard is a fork of the worker that has closed everything but its end of a pipe. Nobody writes to it but the worker and, between fork
 * and exec, the command: so the pipe's end comes after both are gone, and never before a command that started has told its group. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Never returns. */
static void guard_watch(int pipe) {
    pid_t group = 0, told;
    for (;;) {
        ssize_t count = read(pipe, &told, sizeof told);
        if (count == (ssize_t)sizeof told)
            group = told;
        else if (count >= 0 || errno != EINTR)
            break;
    }
    if (group > 0)
        kill(-group, SIGKILL);
    _exit(0);
}

/* Whoever ends a service with a signal to all of its processes means the worker to finish first, with its guard. */
static void guard_main(int pipe) {
    static const int ignored[] = { SIGHUP, SIGINT, SIGTERM };
    prctl(PR_SET_NAME, "grapnel-guard");
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    if (dup2(pipe, STDIN_FILENO) < 0)
        _exit(1);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    guard_watch(STDIN_FILENO);
}

bool guard_start(struct guard *guard) {
    int pipes[2];
    guard_stop(guard);
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return false;
    pid_t process = fork();
    if (process == 0) {
        close(pipes[1]);
        guard_main(pipes[0]);
    }
    int error = errno;
    close(pipes[0]);
    if (process < 0) {
        close(pipes[1]);
        errno = error;
        return false;
    }
    /* Out of the worker's group, which the daemon kills as a whole; done here, so that it is done before anything can run. */
    setpgid(process, process);
    guard->process = process;
    guard->pipe = pipes[1];
    return true;
}

/* If it fails the guard is gone, and the next command notices that. */
void guard_release(const struct guard *guard) {
    const pid_t none = 0;
    while (write(guard->pipe, &none, sizeof none) < 0 && errno == EINTR)
        ;
}

void guard_stop(struct guard *guard) {
    if (!guard->process)
        return;
    close(guard->pipe);
    while (waitpid(guard->process, NULL, 0) < 0 && errno == EINTR)
        ;
    guard->process = 0;
}
