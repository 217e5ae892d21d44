/* grapnel-host: one worker process. It loads one plugin and runs events through it for the daemon that started it; see wire.h for the
 * descriptors that it finds open. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/version.h"
#include "host/host.h"

static const char usage[] =
    "usage: grapnel-host [NAME]\n"
    "Runs one plugin in a process of its own. `grapnel serve` starts it, and so does whatever else needs a plugin;\n"
    "it can't be used by hand. NAME, the plugin's, is there for people who look at the list of processes.\n"
    "  --help     this text\n"
    "  --version  the version\n";

/* Ours alone: what the plugin starts must not inherit it, or it would outlive us on the daemon's socket. */
static bool descriptor_keep_private(int descriptor) {
    int flags = fcntl(descriptor, F_GETFD);
    return flags >= 0 && fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) == 0;
}

static struct wire_page *page_map(void) {
    struct stat status;
    if (fstat(WIRE_PAGE, &status) != 0 || status.st_size < WIRE_PAGE_SIZE)
        return NULL;
    void *page = mmap(NULL, WIRE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, WIRE_PAGE, 0);
    return page == MAP_FAILED ? NULL : page;
}

/* The kernel kills us when the daemon dies; but it may have died before we asked for that. */
static bool parent_lives(void) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
           getsockopt(WIRE_SOCKET, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getppid();
}

/* As the sdk promises: SIGPIPE ignored, all else at its default, nothing blocked. What is handled was reset by exec; what is ignored,
 * by nohup for instance, was not. */
static void signals_reset(void) {
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            signal(number, SIG_DFL);
    }
    signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Without one, the first file that the plugin opens would become GRAPNEL_STDOUT. */
static bool stdout_ensure(void) {
    if (fcntl(WIRE_STDOUT, F_GETFD) >= 0)
        return descriptor_keep_private(WIRE_STDOUT);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0 || null == WIRE_STDOUT)
        return null >= 0;
    bool done = dup3(null, WIRE_STDOUT, O_CLOEXEC) >= 0;
    close(null);
    return done;
}

int main(int count, char **arguments) {
    struct stat status;
    struct wire_page *page = fstat(WIRE_SOCKET, &status) == 0 && S_ISSOCK(status.st_mode) ? page_map() : NULL;
    /* With a page it is the name of a plugin, whatever it looks like. */
    if (!page && count == 2 && strcmp(arguments[1], "--help") == 0)
        return fputs(usage, stdout) < 0;
    if (!page && count == 2 && strcmp(arguments[1], "--version") == 0)
        return printf("grapnel-host %s\n", GRAPNEL_VERSION) < 0;
    if (!page) {
        fputs("grapnel-host: it is grapnel that starts this program: try `grapnel serve`, or `grapnel-host --help`\n",
              stderr);
        return 2;
    }
    /* The page is mapped; what else came along is none of the plugin's business. */
    close_range(WIRE_PAGE, ~0U, 0);
    if (!parent_lives())
        return 1;
    signals_reset();
    umask(077); /* what a plugin writes holds payments and people: who else is to read it is the plugin's to say */
    /* A plugin's printf should reach the log line by line, not when 4 KiB have gathered. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (!descriptor_keep_private(WIRE_SOCKET) || !stdout_ensure()) {
        fprintf(stderr, "grapnel-host: can't set up its descriptors: %s\n", strerror(errno));
        return 1;
    }
    return host_run(WIRE_SOCKET, page);
}
