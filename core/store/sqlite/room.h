/* How much room there is: what the store takes of what it may (`retain: disk`), what is left on its file system, and how
 * far its log has grown. When one of them runs out, puts are refused, and what frees room goes on: settles, orders,
 * retention. */
#ifndef STORE_SQLITE_ROOM_H
#define STORE_SQLITE_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/statvfs.h>

struct store;

enum room_lack {
    ROOM_LACKS_NOTHING,
    ROOM_LACKS_SYSTEM, /* the file system is nearly full */
    ROOM_LACKS_LOG,    /* a reader holds on to the log, which grows and grows */
    ROOM_LACKS_LIMIT,  /* the limit is reached, and nothing can go before its time; or not fast enough */
};

struct room {
    int (*look)(const char *folder, struct statvfs *status); /* statvfs; or a test's own, set before store_start */
    int64_t log_most;                                        /* bytes; likewise */
    enum room_lack lack;
    int64_t looked_at_us;
    int64_t put_bytes; /* that came since */
};

void room_open(struct store *store);
/* On the writer thread: looks, if it is a second ago, or much came in since. */
void room_watch(struct store *store, int64_t now_us);
int64_t room_look_at_us(const struct store *store);  /* monotonic: no later than then */
void room_look(struct store *store, int64_t now_us); /* in any case */

#endif
