/* Deleting dead letters that are old, with their events. An event that has to stay, since another delivery holds it or
 * for its own time, gets a line in its journal that says what became of the letter. */
#include "store/sqlite/engine.h"

struct letter {
    int plugin, attempts;
    int64_t event;
};

static int letters_read(struct store *store, int64_t before_ms, struct letter letters[RETAIN_SLICE_LETTERS],
                        int *count) {
    sqlite3_stmt *oldest = store->retain.statements[RETAIN_LETTER_OLDEST];
    sqlite3_bind_int64(oldest, 1, before_ms);
    sqlite3_bind_int(oldest, 2, RETAIN_SLICE_LETTERS);
    *count = 0;
    while (*count < RETAIN_SLICE_LETTERS && sqlite3_step(oldest) == SQLITE_ROW)
        letters[(*count)++] = (struct letter){ .plugin = sqlite3_column_int(oldest, 0),
                                               .event = sqlite3_column_int64(oldest, 1),
                                               .attempts = sqlite3_column_int(oldest, 2) };
    return sqlite3_reset(oldest);
}

static int letter_remove(struct store *store, const struct letter *letter) {
    sqlite3_stmt *remove = store->retain.statements[RETAIN_LETTER_REMOVE];
    sqlite3_bind_int(remove, 1, letter->plugin);
    sqlite3_bind_int64(remove, 2, letter->event);
    int result = database_step(remove);
    struct tally *tally = tally_of(store, letter->plugin);
    if (result == SQLITE_OK && tally)
        tally->dead -= sqlite3_changes(store->database);
    return result;
}

/* Its letter is gone; and it, if nothing else keeps it? */
static int event_follow(struct store *store, struct retain_slice *slice, const struct letter *letter) {
    int64_t received_ms = 0;
    sqlite3_stmt *find = store->retain.statements[RETAIN_LETTER_EVENT];
    sqlite3_bind_int64(find, 1, letter->event);
    bool there = sqlite3_step(find) == SQLITE_ROW, held = false;
    if (there) {
        received_ms = sqlite3_column_int64(find, 0);
        held = sqlite3_column_int(find, 1) != 0;
    }
    int result = sqlite3_reset(find);
    if (result != SQLITE_OK || !there) /* gone with another of its letters */
        return result;
    if (held || received_ms >= slice->received_before_ms)
        return transaction_note(store, &(struct store_journal_entry){ .event = letter->event,
                                                                      .plugin = letter->plugin,
                                                                      .entry = STORE_ENTRY_DISCARDED,
                                                                      .attempts = letter->attempts,
                                                                      .at_ms = slice->now_ms });
    result = retain_event_remove(store, slice, letter->event, letter->event);
    return result == SQLITE_OK ? retain_journal_remove(store, letter->event, letter->event) : result;
}

int retain_letters(struct store *store, struct retain_slice *slice) {
    struct letter letters[RETAIN_SLICE_LETTERS];
    int count, result = letters_read(store, slice->dead_before_ms, letters, &count);
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = letter_remove(store, &letters[i]);
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = event_follow(store, slice, &letters[i]);
    slice->letters = count;
    slice->letters_left = count == RETAIN_SLICE_LETTERS;
    return result;
}
