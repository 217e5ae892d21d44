/* What the files of the SQLite engine share. One connection, `database`, does all writes and all checkpoints: SQLite
 * before 3.51.3 can corrupt the file when one connection checkpoints while another commits and resets the log. It
 * belongs to the thread that opened the store until store_start, and to the writer thread from then on; readers have
 * read-only connections of their own. */
#ifndef STORE_SQLITE_ENGINE_H
#define STORE_SQLITE_ENGINE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store/sqlite/clock.h"
#include "store/sqlite/dedup.h"
#include "store/sqlite/health.h"
#include "store/sqlite/journal.h"
#include "store/sqlite/names.h"
#include "store/sqlite/notes.h"
#include "store/sqlite/retain.h"
#include "store/sqlite/room.h"
#include "store/sqlite/tally.h"
#include "store/sqlite/waiting.h"
#include "store/store.h"

enum {
    GROUP_PUT_LIMIT = DEDUP_FRESH_LIMIT / 2,
    GROUP_BYTE_LIMIT = 4 * 1024 * 1024, /* of headers and bodies; a group of one may be larger */
    GROUP_SETTLE_LIMIT = 4096,
    GROUP_FRESH_ROWS = 8, /* as STATEMENT_DELIVERY_ADD_ROWS has it */
};

/* Prepared once on the writing connection. */
enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_DEDUP_FIND,
    STATEMENT_DEDUP_ADD,
    STATEMENT_DEDUP_RUN_ADD,
    STATEMENT_DEDUP_RECENT_ADD,
    STATEMENT_DEDUP_RECENT_FORGET,
    STATEMENT_EVENT_ADD,
    STATEMENT_EVENT_FIND,
    STATEMENT_UNROUTED_ADD,
    STATEMENT_UNROUTED_REMOVE,
    STATEMENT_DELIVERY_ADD,
    STATEMENT_DELIVERY_ADD_ROWS,
    STATEMENT_DELIVERY_FIND,
    STATEMENT_DELIVERY_REMOVE,
    STATEMENT_DELIVERY_REMOVE_IF,
    STATEMENT_DELIVERY_LATER,
    STATEMENT_DEAD_ADD,
    STATEMENT_DEAD_FIND,
    STATEMENT_DEAD_REMOVE,
    STATEMENT_ATTEMPT_ADD,
    STATEMENT_ATTEMPT_FORGET,
    STATEMENT_JOURNAL_ADD,
    STATEMENT_JOURNAL_FIND,
    STATEMENT_TALLY_SET,
    STATEMENT_NOTE_SET,
    STATEMENT_CLOCK_SET,
    STATEMENT_NAME_FIND,
    STATEMENT_NAME_ADD,
    STATEMENT_COUNT,
};

/* What is written in one transaction. Everything in it belongs to the writer thread until it is answered. */
struct group {
    struct store_put *puts[GROUP_PUT_LIMIT];
    enum store_result
        results[GROUP_PUT_LIMIT];     /* STORE_UNAVAILABLE before the commit: this one fails by itself, leave it out */
    int64_t numbers[GROUP_PUT_LIMIT]; /* 0 unless accepted */
    struct store_put *accepted[GROUP_PUT_LIMIT];
    int put_count, accepted_count;
    struct store_settle *settles; /* the first settle_count of the writer's list */
    int settle_count;
    struct store_target fresh[GROUP_FRESH_ROWS]; /* deliveries that the next statement adds */
    int fresh_count;
    bool singly; /* a statement for each of them, to find the one that can't be written */
};

struct store {
    struct log *log;
    struct store_listener listener;
    char *folder, *path; /* path: of the database */
    int lock;            /* descriptor that holds the folder's flock */

    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct names names;
    struct dedup dedup;
    int64_t next_number; /* of the next event; moves only after a commit */

    /* What all threads touch. */
    struct waiting waiting;
    struct notes notes;
    struct health health;
    struct store_measures measures;
    struct clock clock; /* which never changes after store_open */

    pthread_t writer;
    bool started, stopped;

    /* The writer thread's own. */
    struct put_list puts;
    struct settle_list settles;
    struct order_list orders;
    bool notes_wait;
    struct group group;
    struct tallies tallies;
    struct journal_pages journal; /* what the open transaction adds to it */
    int64_t settles_since_us;     /* monotonic: when the oldest waiting settle or note was seen */
    int64_t retry_at_us;          /* after a failure settles alone wait until then; 0 if there was none */
    bool refusing; /* there is no room within the limits: puts are answered STORE_UNAVAILABLE without an attempt */
    int64_t wrote_at_us;      /* of the latest commit or idle checkpoint */
    int log_frames;           /* pages in the write-ahead log after the latest commit */
    int copied_frames;        /* of them, already in the database file */
    int checkpoint_after;     /* no attempt before the log has this many frames: a reader pins it */
    bool copying;             /* a checkpoint runs, which writes to the database file; everything else to the log */
    bool broken;              /* for the other threads: health */
    bool failing;             /* the last commit failed: one is tried each second, to see whether it works again */
    bool notes_open;          /* the open transaction has notes */
    bool clock_wanted;        /* with the next commit it is written down */
    int64_t clock_written_ms; /* store_clock_ms at the time */
    char trouble[HEALTH_TEXT_SIZE]; /* what trouble_tell said last, in short */
    struct retain retain;           /* its settings are for all threads */
    struct room room;
    struct log_limit put_log, settle_log, group_log, checkpoint_log;
};

/* database.c: opening, and running statements. All return SQLite's extended result codes unless they take a fault. */
bool folder_open(struct store *store, const char *folder,
                 struct fault *fault);                      /* folder.c: made if missing, and locked */
bool folder_check(const char *folder, struct fault *fault); /* could it be, as far as can be seen from outside? */
int folder_lock(const char *folder,
                struct fault *fault);     /* of one that is there; close it to unlock. -1: with the reason */
#define COMPACT_NAME "grapnel.db.compact" /* what compact writes, until it is whole */
bool database_open(struct store *store, struct fault *fault);
/* Is a file with this application_id and user_version ours, and of a version that this program can use? */
bool database_is_usable(const char *path, int64_t application, int64_t version, struct fault *fault);
void database_close(struct store *store);
int database_step(sqlite3_stmt *statement); /* steps once and resets: SQLITE_OK for ROW and DONE */
bool database_fault(struct store *store, const char *doing,
                    struct fault *fault); /* from the connection's latest error; false */

/* inbox.c, outbox.c: one item within the open transaction. */
int inbox_write(struct store *store, struct group *group, int index, int64_t number);
int inbox_flush(struct store *store, struct group *group); /* after the last put */
int outbox_write(struct store *store, const struct store_settle *settle);

/* transaction.c: what all transactions of the writer thread have in common. Between begin and commit `tally_of` may be
 * changed, and lines added to the journal. */
int transaction_begin(struct store *store);
int transaction_note(struct store *store, const struct store_journal_entry *entry); /* a line of the journal */
int transaction_commit(struct store *store);
void transaction_roll_back(struct store *store); /* after any failure since the beginning, commit's too */

/* group.c: writes what waits and answers it. False if it failed as a whole; its settles are then still waiting. */
bool group_write(struct store *store);

/* order.c: the first order that waits, in a transaction of its own, and answers it. */
void order_write(struct store *store);
void order_refuse_all(struct store *store);

/* writer.c */
void *writer_run(void *store);

/* checkpoint.c, on the writer thread. */
void checkpoint_watch(struct store *store);    /* begins to count the log's frames */
void checkpoint_if_large(struct store *store); /* after a commit */
bool checkpoint_wanted_idle(const struct store *store);
void checkpoint_idle(struct store *store);
/* A reader has held on to the log for so long that what can wait should not make it longer. */
bool checkpoint_is_held(const struct store *store);
void checkpoint_last(struct store *store); /* at the end, the writer gone */

/* trouble.c: sorts errors by what they mean for what was put. */
enum trouble {
    TROUBLE_ITEM,     /* this statement with these values can't work: the others can */
    TROUBLE_PASSING,  /* the group can't be written now: disk full, memory short, locked */
    TROUBLE_FOR_EVER, /* nothing that the kernel or the file says can be trusted any more */
};
enum trouble trouble_of(struct store *store, int result);
void trouble_tell(struct store *store, int result, const char *doing); /* logs it; breaks the store if it must */
/* Is the database still the file that its path leads to? False: it was taken away, and the store is broken now. */
bool trouble_in_place(struct store *store);

#endif
