/* posix_spawn of a grapnel-host with exactly the descriptors that wire.h names, in a session of its own. */
#include "deliver/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/setup.h"

enum {
    SPAWN_LOWEST =
        10, /* our ends are moved above the numbers that the child gets, so that no dup2 overwrites a source */
    SPAWN_VARIABLES = SETUP_VARIABLE_LIMIT + 16 /* of the environment */
};

/* The child's side, closed here once it runs. -1: not open. */
struct spawn_ends {
    int input, output, standard_output, socket, page;
};

/* What a host may see of our environment: where things are and how time and text look, never a secret that the config reads from there. */
static const char *const spawn_variables[] = {
    "PATH",         "HOME",
    "LANG",         "LC_ALL",
    "LC_CTYPE",     "TZ",
    "TMPDIR",       "LD_LIBRARY_PATH",
    "ASAN_OPTIONS", "UBSAN_OPTIONS",
    "TSAN_OPTIONS", "GRAPNEL_CORE_DUMPS",
};
enum { SPAWN_OWN = sizeof spawn_variables / sizeof *spawn_variables };
_Static_assert(SPAWN_OWN + SETUP_VARIABLE_LIMIT < SPAWN_VARIABLES, "with the null at the end");

/* The entry "NAME=…" of a list that ends with null, or null. */
static char *variable_find(char *const *entries, const char *name) {
    size_t length = strlen(name);
    for (; entries && *entries; entries++)
        if (strncmp(*entries, name, length) == 0 && (*entries)[length] == '=')
            return *entries;
    return NULL;
}

/* What the config asks for, and of ours what it does not speak of. */
static void spawn_environment(char *const *wanted, char *environment[SPAWN_VARIABLES]) {
    int count = 0;
    for (int i = 0; wanted && wanted[i] && i < SETUP_VARIABLE_LIMIT; i++)
        environment[count++] = wanted[i];
    for (int i = 0; i < SPAWN_OWN; i++) {
        char *own = variable_find(environ, spawn_variables[i]);
        if (own && !variable_find(wanted, spawn_variables[i]))
            environment[count++] = own;
    }
    environment[count] = NULL;
}

/* The same open file under a high number, close-on-exec; closes the old one. */
static int spawn_raise(int descriptor) {
    if (descriptor < 0 || descriptor >= SPAWN_LOWEST)
        return descriptor;
    int raised = fcntl(descriptor, F_DUPFD_CLOEXEC, SPAWN_LOWEST);
    close(descriptor);
    return raised;
}

static void spawn_close(int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static void spawn_ends_close(struct spawn_ends *ends) {
    spawn_close(&ends->input);
    spawn_close(&ends->output);
    spawn_close(&ends->standard_output);
    spawn_close(&ends->socket);
    spawn_close(&ends->page);
}

static bool spawn_open(struct spawned *spawned, struct spawn_ends *ends) {
    int sockets[2], pipes[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return false;
    spawned->socket = spawn_raise(sockets[0]);
    ends->socket = spawn_raise(sockets[1]);
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return false;
    spawned->output = spawn_raise(pipes[0]);
    ends->output = spawn_raise(pipes[1]);
    ends->input = spawn_raise(open("/dev/null", O_RDONLY | O_CLOEXEC));
    ends->standard_output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, SPAWN_LOWEST);
    if (ends->standard_output < 0 && errno == EBADF) /* the daemon was started without one */
        ends->standard_output = spawn_raise(open("/dev/null", O_WRONLY | O_CLOEXEC));
    ends->page = spawn_raise(memfd_create("grapnel-page", MFD_CLOEXEC));
    if (spawned->socket < 0 || ends->socket < 0 || spawned->output < 0 || ends->output < 0 || ends->input < 0 ||
        ends->standard_output < 0 || ends->page < 0)
        return false;
    if (fcntl(spawned->socket, F_SETFL, O_NONBLOCK) < 0 || fcntl(spawned->output, F_SETFL, O_NONBLOCK) < 0 ||
        ftruncate(ends->page, WIRE_PAGE_SIZE) < 0)
        return false;
    void *page = mmap(NULL, WIRE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ends->page, 0);
    if (page == MAP_FAILED)
        return false;
    spawned->page = page;
    return true;
}

static int spawn_run(const char *host, const char *name, char *const *wanted, const struct spawn_ends *ends,
                     pid_t *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *arguments[] = { (char *)host, (char *)name, NULL };
    char *environment[SPAWN_VARIABLES];
    spawn_environment(wanted, environment);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int error = posix_spawn_file_actions_adddup2(&actions, ends->input, STDIN_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, ends->output, STDOUT_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, ends->output, STDERR_FILENO);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, ends->standard_output, WIRE_STDOUT);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, ends->socket, WIRE_SOCKET);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, ends->page, WIRE_PAGE);
    error = error ? error : posix_spawnattr_setsigmask(&attributes, &none);
    error = error ? error : posix_spawnattr_setsigdefault(&attributes, &all);
    /* A session is a process group too; and from a terminal, it has none any more that it could type into. */
    error = error ? error
                  : posix_spawnattr_setflags(&attributes,
                                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    error = error ? error : posix_spawn(process, host, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

bool spawn_host(const char *host, const char *name, char *const *environment, struct spawned *spawned,
                struct fault *fault) {
    struct spawn_ends ends = { -1, -1, -1, -1, -1 };
    *spawned = (struct spawned){ .process = -1, .process_watch = -1, .socket = -1, .output = -1 };
    int error = spawn_open(spawned, &ends) ? spawn_run(host, name, environment, &ends, &spawned->process) : errno;
    spawn_ends_close(&ends);
    if (!error) {
        spawned->process_watch = pidfd_open(spawned->process, 0);
        if (spawned->process_watch < 0) {
            error = errno;
            kill(spawned->process, SIGKILL);
            waitpid(spawned->process, NULL, 0);
        }
    }
    if (!error)
        return true;
    spawned_close(spawned);
    return fault_set(fault, "can't start %s: %s", host, strerror(error));
}

void spawned_close(struct spawned *spawned) {
    spawn_close(&spawned->socket);
    spawn_close(&spawned->output);
    spawn_close(&spawned->process_watch);
    if (spawned->page)
        munmap(spawned->page, WIRE_PAGE_SIZE);
    spawned->page = NULL;
}
