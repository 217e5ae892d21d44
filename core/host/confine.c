/* Limits and marks that are inherited by whatever the plugin starts, and that it can't take back.
 *
 * There is none for the number of processes: RLIMIT_NPROC counts all processes of the user, the daemon's own threads and the other plugins'
 * among them, so that one plugin's forks would stop everything else, and the limit would not be this plugin's at all. */
#include "host/confine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER
#endif

/* A sanitizer's own memory is far larger than any limit that makes sense for a plugin. */
static bool confine_memory(int64_t bytes, struct fault *fault) {
#ifdef UNDER_SANITIZER
    (void)bytes, (void)fault;
    return true;
#else
    struct rlimit limit;
    if (bytes <= 0)
        return true;
    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return fault_set(fault, "the limit of memory can't be read: %s", strerror(errno));
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > (rlim_t)bytes)
        limit.rlim_max = (rlim_t)bytes;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        return fault_set(fault, "memory can't be limited to %lld bytes: %s", (long long)bytes, strerror(errno));
    return true;
#endif
}

/* A dump would show the settings' secrets and the payloads. Whoever must debug says so to the daemon; see base/process.h. */
static bool confine_dumps(struct fault *fault) {
    const char *wanted = getenv("GRAPNEL_CORE_DUMPS");
    const struct rlimit none = { 0, 0 };
    if ((wanted && *wanted) || setrlimit(RLIMIT_CORE, &none) == 0)
        return true;
    return fault_set(fault, "core dumps can't be forbidden: %s", strerror(errno));
}

/* The daemon may have been given many for its connections. Old libraries break at descriptors above 1023 (select), and a plugin that leaks
 * them should meet the end of its own. */
static bool confine_descriptors(struct fault *fault) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return fault_set(fault, "the limit of descriptors can't be read: %s", strerror(errno));
    if (limit.rlim_cur <= CONFINE_DESCRIPTORS)
        return true;
    limit.rlim_cur = CONFINE_DESCRIPTORS;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ||
           fault_set(fault, "descriptors can't be limited to %d: %s", CONFINE_DESCRIPTORS, strerror(errno));
}

/* Without the mark the daemon can't tell this worker's children from others', and leaves them alone: no reason not to work. */
static void confine_mark(int64_t mark) {
    const struct rlimit limit = { (rlim_t)mark, (rlim_t)mark };
    if (mark > 0)
        setrlimit(RLIMIT_RTTIME, &limit);
}

bool confine(const struct confinement *confinement, struct fault *fault) {
    confine_mark(confinement->mark);
    if (!confinement->keep_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fault_set(fault, "can't give up gaining rights (PR_SET_NO_NEW_PRIVS): %s", strerror(errno));
    return confine_dumps(fault) && confine_descriptors(fault) && confine_memory(confinement->memory_bytes, fault);
}
