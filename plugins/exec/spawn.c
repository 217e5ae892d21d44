/* clone with CLONE_VM and CLONE_VFORK: the child runs in our memory, on a stack of its own, and we sleep until it has executed the program
 * or ended. Nothing is copied, however large the worker is, and it can leave its errno where we find it. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    const struct spawn *spawn;
    pid_t worker;
    volatile enum spawn_step step;
    volatile int error;
};

/* The address sanitizer would take this stack for a mistake. */
#define ON_ANOTHER_STACK __attribute__((no_sanitize_address))

/* Whatever kills the worker must end the command. Asked for too late, nothing is sent: then we have another parent already. */
ON_ANOTHER_STACK static bool child_tied(const struct child *child) {
    const pid_t self = getpid();
    return setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == child->worker &&
           write(child->spawn->guard->pipe, &self, sizeof self) == (ssize_t)sizeof self;
}

/* The worker ignores SIGPIPE and blocks SIGCHLD, and both would be inherited. Its descriptors are close-on-exec, but for those that a
 * library may have opened otherwise. */
ON_ANOTHER_STACK static bool child_cleaned(const struct spawn *spawn) {
    struct sigaction standard = { .sa_handler = SIG_DFL };
    sigset_t none;
    sigemptyset(&none);
    return sigaction(SIGPIPE, &standard, NULL) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
           dup2(spawn->input, STDIN_FILENO) >= 0 && dup2(spawn->output, STDOUT_FILENO) >= 0 &&
           dup2(spawn->output, STDERR_FILENO) >= 0 && close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

ON_ANOTHER_STACK static int child_main(void *argument) {
    struct child *child = argument;
    const struct command *command = child->spawn->command;
    child->step = SPAWN_GUARD;
    if (child_tied(child)) {
        child->step = SPAWN_PREPARE;
        if (child_cleaned(child->spawn)) {
            child->step = SPAWN_FOLDER;
            if (chdir(command->folder) == 0) {
                child->step = SPAWN_PROGRAM;
                execve(command->program, command->arguments, command->environment);
            }
        }
    }
    child->error = errno;
    _exit(127);
}

pid_t spawn_start(const struct spawn *spawn, enum spawn_step *failed) {
    struct child child = { .spawn = spawn, .worker = getpid(), .step = SPAWN_PREPARE };
    pid_t process = clone(child_main, spawn->stack + SPAWN_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
    if (process > 0 && !child.error)
        return process;
    int error = process > 0 ? child.error : errno;
    if (process > 0) {
        guard_release(spawn->guard);
        waitpid(process, NULL, 0);
    }
    *failed = child.step;
    errno = error;
    return -1;
}
