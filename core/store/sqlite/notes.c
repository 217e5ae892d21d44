/* Notes on their way to disk. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

void notes_begin(struct notes *notes) {
    pthread_mutex_init(&notes->mutex, NULL);
}

bool notes_reserve(struct notes *notes, int plugin) {
    if (plugin < notes->count) {
        return true;
    }
    struct note_place *places = realloc(notes->places, (size_t)(plugin + 1) * sizeof *places);
    if (!places) {
        return false;
    }
    memset(places + notes->count, 0, (size_t)(plugin + 1 - notes->count) * sizeof *places);
    notes->places = places;
    notes->count = plugin + 1;
    return true;
}

void notes_free(struct notes *notes) {
    free(notes->places);
    pthread_mutex_destroy(&notes->mutex);
}

bool store_note(struct store *store, int plugin, const struct store_note *note) {
    struct notes *notes = &store->notes;
    if (plugin <= 0 || plugin >= notes->count) {
        return false;
    }
    pthread_mutex_lock(&notes->mutex);
    notes->places[plugin].note = *note;
    notes->places[plugin].changed = true;
    pthread_mutex_unlock(&notes->mutex);
    waiting_note(&store->waiting);
    return true;
}

/* The next place from `plugin` on that changed, as a copy; 0: none. */
static int notes_take(struct notes *notes, int plugin, struct store_note *note) {
    int found = 0;
    pthread_mutex_lock(&notes->mutex);
    for (; plugin < notes->count && found == 0; plugin++) {
        if (notes->places[plugin].changed) {
            notes->places[plugin].changed = false;
            notes->places[plugin].writing = true;
            *note = notes->places[plugin].note;
            found = plugin;
        }
    }
    pthread_mutex_unlock(&notes->mutex);
    return found;
}

int notes_write(struct store *store) {
    sqlite3_stmt *set = store->statements[STATEMENT_NOTE_SET];
    struct store_note note;
    int result = SQLITE_OK;
    if (!waiting_take_noted(&store->waiting)) {
        return result;
    }
    store->notes_open = true;
    for (int plugin = 1; result == SQLITE_OK && (plugin = notes_take(&store->notes, plugin, &note)) > 0; plugin++) {
        sqlite3_bind_int(set, 1, plugin);
        sqlite3_bind_int64(set, 2, note.stood_ms);
        sqlite3_bind_int64(set, 3, note.open_since_ms);
        sqlite3_bind_int64(set, 4, note.open_until_ms);
        sqlite3_bind_int64(set, 5, note.pause_ms);
        result = database_step(set);
    }
    return result;
}

static void notes_end(struct store *store, bool written) {
    struct notes *notes = &store->notes;
    if (!store->notes_open) {
        return;
    }
    store->notes_open = false;
    pthread_mutex_lock(&notes->mutex);
    for (int plugin = 1; plugin < notes->count; plugin++) {
        struct note_place *place = &notes->places[plugin];
        place->changed |= place->writing && !written;
        place->writing = false;
    }
    pthread_mutex_unlock(&notes->mutex);
    if (!written) {
        waiting_note(&store->waiting);
    }
}

void notes_committed(struct store *store) {
    notes_end(store, true);
    store->notes_wait = false;
}

void notes_rolled_back(struct store *store) {
    notes_end(store, false);
}
