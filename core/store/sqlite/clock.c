/* The store's clock, and writing it down now and then. */
#include "base/clock.h"
#include "store/sqlite/engine.h"

enum { CLOCK_WRITE_MS = 60000 };

void clock_begin(struct store *store, int64_t written_ms) {
    int64_t wall_ms = store->clock.wall_ms > 0 ? store->clock.wall_ms : clock_wall_ms();
    store->clock.ahead_ms = (written_ms > wall_ms ? written_ms : wall_ms) - clock_boot_ms();
}

int64_t store_clock_ms(const struct store *store) {
    return clock_boot_ms() + store->clock.ahead_ms;
}

int clock_write(struct store *store) {
    int64_t now_ms = store_clock_ms(store);
    if (!store->clock_wanted && now_ms < store->clock_written_ms + CLOCK_WRITE_MS) {
        return SQLITE_OK;
    }
    sqlite3_stmt *set = store->statements[STATEMENT_CLOCK_SET];
    sqlite3_bind_int64(set, 1, now_ms);
    int result = database_step(set);
    if (result == SQLITE_OK) { /* after a rollback it is written a minute later, which is soon enough */
        store->clock_written_ms = now_ms;
        store->clock_wanted = false;
    }
    return result;
}

void clock_keep(struct store *store) {
    if (store->broken) {
        return;
    }
    store->clock_wanted = true;
    int result = transaction_begin(store);
    result = result == SQLITE_OK ? transaction_commit(store) : result;
    if (result != SQLITE_OK) {
        trouble_tell(store, result, "writing down the clock");
        transaction_roll_back(store);
    }
}
