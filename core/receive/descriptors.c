#include "receive/descriptors.h"

#include <dirent.h>
#include <sys/resource.h>

enum {
    OTHERS = 64, /* what the daemon will still open: plugins, questions, files of the store */
    FEWEST = 8,  /* connections, however low the limit is */
};

static int64_t open_now(void) {
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = 0;
    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

int64_t descriptors_for(int64_t connections, struct log *log) {
    struct rlimit limit;
    int64_t others = open_now() + OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return connections;
    rlim_t needed = (rlim_t)(connections + others), before = limit.rlim_cur;
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = before;
    }
    if (limit.rlim_cur >= needed)
        return connections;
    int64_t fit = (int64_t)limit.rlim_cur - others;
    if (fit < FEWEST)
        fit = FEWEST;
    log_warn(log,
             "`limits: connections` is %lld, but only %lld fit into the limit of %lld open files: raise that "
             "(LimitNOFILE=, ulimit -Hn)",
             (long long)connections, (long long)fit, (long long)limit.rlim_cur);
    return fit;
}
