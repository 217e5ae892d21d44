/* Looking how much room there is, and what follows from it. */
#include <stdio.h>

#include "base/units.h"
#include "store/sqlite/engine.h"

#define MIB (INT64_C(1024) * 1024)

enum { PAGE_SIZE = 4096, LOOK_US = 1000000, SYSTEM_SHARE = 20, LIMIT_SLACK_SHARE = 64, LIMIT_OVER_SHARE = 16 };
static const int64_t look_bytes = MIB, /* of headers and bodies; several times as much is written for them */
    system_least = 16 * MIB,           /* for the settles */
    system_outside = 8 * MIB,          /* for the log, however much of the database file is empty */
    system_most = 512 * MIB, log_most = 512 * MIB;

struct sizes {
    int64_t used;        /* pages in use, and the log */
    int64_t free;        /* empty pages of the database file */
    int64_t log;         /* bytes that are in use of it */
    int64_t system_free; /* of the file system; INT64_MAX: it doesn't say */
    int64_t system_least;
    int64_t limit; /* of `used`; INT64_MAX: none */
};

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

void room_open(struct store *store) {
    store->room.look = statvfs;
    store->room.log_most = log_most;
}

static int pages_ask(struct store *store, enum retain_statement which, int64_t *bytes) {
    sqlite3_stmt *query = store->retain.statements[which];
    if (sqlite3_step(query) == SQLITE_ROW)
        *bytes = sqlite3_column_int64(query, 0) * PAGE_SIZE;
    return sqlite3_reset(query);
}

static int sizes_read(struct store *store, struct sizes *sizes) {
    struct statvfs status;
    int64_t pages = 0, limit = store->retain.disk_bytes;
    int result = pages_ask(store, RETAIN_PAGES, &pages);
    if (result == SQLITE_OK)
        result = pages_ask(store, RETAIN_FREE_PAGES, &sizes->free);
    sizes->log = (int64_t)store->log_frames * PAGE_SIZE;
    sizes->used = pages - sizes->free + sizes->log;
    sizes->limit = limit > 0 ? limit : INT64_MAX;
    sizes->system_free = INT64_MAX;
    if (store->room.look(store->folder, &status) == 0) {
        int64_t all = (int64_t)(status.f_blocks * status.f_frsize);
        sizes->system_free = (int64_t)(status.f_bavail * status.f_frsize);
        sizes->system_least = larger(system_least, smaller(system_most, all / SYSTEM_SHARE));
    }
    return result;
}

/* So far below the limit it is good again. */
static int64_t limit_slack(const struct sizes *sizes) {
    return larger(MIB, sizes->limit / LIMIT_SLACK_SHARE);
}

/* Empty pages in the file are room too, as the file never shrinks; but the log needs some outside. A lack that is there
 * ends a good bit later than it begins. */
static bool system_lacks(const struct sizes *sizes, bool already) {
    int64_t least = already ? sizes->system_least + sizes->system_least / 8 : sizes->system_least;
    return sizes->system_free < INT64_MAX &&
           (sizes->system_free < system_outside || sizes->system_free + sizes->free < least);
}

static bool limit_lacks(const struct store *store, const struct sizes *sizes, bool already) {
    if (sizes->limit == INT64_MAX)
        return false;
    if (already)
        return sizes->used > sizes->limit - limit_slack(sizes);
    int64_t over = sizes->used - sizes->limit;
    return over > 0 && (store->retain.sweep.fruitless || over > larger(8 * MIB, sizes->limit / LIMIT_OVER_SHARE));
}

static enum room_lack room_judge(const struct store *store, const struct sizes *sizes) {
    enum room_lack now = store->room.lack;
    if (system_lacks(sizes, now == ROOM_LACKS_SYSTEM))
        return ROOM_LACKS_SYSTEM;
    if (sizes->log > (now == ROOM_LACKS_LOG ? store->room.log_most / 2 : store->room.log_most))
        return ROOM_LACKS_LOG;
    return limit_lacks(store, sizes, now == ROOM_LACKS_LIMIT) ? ROOM_LACKS_LIMIT : ROOM_LACKS_NOTHING;
}

/* Rounded to MiB, as nobody reads bytes. */
static void mib_format(int64_t bytes, char text[UNITS_TEXT_SIZE]) {
    size_format(bytes < MIB ? bytes : bytes / MIB * MIB, text);
}

static void lack_describe(const struct store *store, const struct sizes *sizes, enum room_lack lack, char *text,
                          size_t size) {
    char first[UNITS_TEXT_SIZE], second[UNITS_TEXT_SIZE];
    if (lack == ROOM_LACKS_SYSTEM) {
        mib_format(sizes->system_free, first);
        mib_format(sizes->system_least, second);
        snprintf(text, size, "the file system of the store has only %s left, and %s are to stay free: make room there",
                 first, second);
    } else if (lack == ROOM_LACKS_LOG) {
        mib_format(sizes->log, first);
        snprintf(text, size,
                 "the store's write-ahead log has grown to %s, since a reader has held on to it for long: look for a "
                 "backup or sqlite3 shell that is still open",
                 first);
    } else {
        mib_format(sizes->used, first);
        size_format(sizes->limit, second);
        snprintf(text, size, "the store takes %s, and `retain: disk` allows %s: %s", first, second,
                 store->retain.sweep.fruitless
                     ? "all events in it wait for their plugins or are dead letters: see to those, or raise it"
                     : "done events are being deleted until that is enough");
    }
}

/* The words say how it is at present; the log, when it begins and ends. */
static void room_tell(struct store *store, const struct sizes *sizes, enum room_lack lack) {
    char why[HEALTH_TEXT_SIZE];
    bool changed = lack != store->room.lack;
    store->room.lack = lack;
    store->refusing = lack != ROOM_LACKS_NOTHING;
    if (store->refusing) {
        lack_describe(store, sizes, lack, why, sizeof why);
        health_set(&store->health, HEALTH_ROOM, why);
    }
    if (changed && store->refusing) {
        log_error(store->log, "store: events are refused from now on, and deliveries go on: %s (%s)", why, store->path);
    } else if (changed) {
        health_set(&store->health, HEALTH_ROOM, NULL);
        log_info(store->log, "store: there is room again: events are accepted");
    }
}

/* The log begins anew with the first write after all of it was copied: when nothing else writes, this does. */
static void log_renew(struct store *store) {
    checkpoint_idle(store);
    if (!store->broken && store->copied_frames == store->log_frames) {
        store->clock_wanted = true;
        int result = transaction_begin(store);
        result = result == SQLITE_OK ? transaction_commit(store) : result;
        if (result != SQLITE_OK) {
            trouble_tell(store, result, "beginning the write-ahead log anew");
            transaction_roll_back(store);
        }
    }
}

void room_look(struct store *store, int64_t now_us) {
    struct sizes sizes = { 0 };
    store->room.looked_at_us = now_us;
    store->room.put_bytes = 0;
    if (store->broken)
        return;
    if (store->room.lack == ROOM_LACKS_LOG)
        log_renew(store);
    int result = sizes_read(store, &sizes);
    if (result != SQLITE_OK) {
        trouble_tell(store, result, "asking for its size");
        return;
    }
    int64_t begin = store->retain.early && sizes.limit < INT64_MAX ? sizes.limit - limit_slack(&sizes) : sizes.limit;
    retain_early(store, sizes.used > begin);
    room_tell(store, &sizes, room_judge(store, &sizes));
}

int64_t room_look_at_us(const struct store *store) {
    return store->room.looked_at_us + LOOK_US;
}

void room_watch(struct store *store, int64_t now_us) {
    if (now_us >= store->room.looked_at_us + LOOK_US || store->room.put_bytes >= look_bytes)
        room_look(store, now_us);
}
