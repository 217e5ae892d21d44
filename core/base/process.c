/* The kernel keeps a mark on each process that says whether its memory may leave it. */
#include "base/process.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void process_hide(void) {
    const char *wanted = getenv("GRAPNEL_CORE_DUMPS");
    struct rlimit limit;
    if (wanted && *wanted)
        return;
    /* The limit alone would not do: a core_pattern that is a pipe does not ask it. */
    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &limit);
    }
}

bool process_is_hidden(void) {
    return prctl(PR_GET_DUMPABLE) == 0;
}
