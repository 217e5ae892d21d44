/* Interned names: a row of the table `name`, remembered in a small hash table. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

struct name_entry {
    int64_t number;
    size_t length;
    char text[];
};

/* FNV-1a. A sender who makes names collide slows down its own events, and only up to NAMES_LIMIT comparisons. */
static unsigned name_hash(struct bytes text) {
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * 16777619u;
    }
    return hash;
}

/* The slot that holds it, or the free one where it belongs. */
static struct name_entry **name_slot(struct names *names, struct bytes text) {
    unsigned slot = name_hash(text) % NAMES_SLOTS;
    while (names->entries[slot]) {
        struct name_entry *entry = names->entries[slot];
        if (entry->length == text.length && memcmp(entry->text, text.data, text.length) == 0) {
            break;
        }
        slot = (slot + 1) % NAMES_SLOTS;
    }
    return &names->entries[slot];
}

static void name_remember(struct names *names, struct bytes text, int64_t number) {
    if (names->count == NAMES_LIMIT) {
        names_forget(names);
    }
    struct name_entry *entry = malloc(sizeof *entry + text.length);
    if (entry) { /* else it is looked up again next time */
        entry->number = number;
        entry->length = text.length;
        memcpy(entry->text, text.data, text.length);
        *name_slot(names, text) = entry;
        names->count++;
    }
}

static int name_find(struct store *store, struct bytes text, int64_t *number) {
    sqlite3_stmt *find = store->statements[STATEMENT_NAME_FIND];
    sqlite3_bind_text(find, 1, text.data, (int)text.length, SQLITE_STATIC);
    int result = sqlite3_step(find);
    if (result == SQLITE_ROW) {
        *number = sqlite3_column_int64(find, 0);
    }
    sqlite3_reset(find);
    return result;
}

int names_number(struct store *store, struct bytes text, int64_t *number) {
    const struct name_entry *known = *name_slot(&store->names, text);
    if (known) {
        *number = known->number;
        return SQLITE_OK;
    }
    int result = name_find(store, text, number);
    if (result == SQLITE_DONE) {
        sqlite3_stmt *add = store->statements[STATEMENT_NAME_ADD];
        sqlite3_bind_text(add, 1, text.data, (int)text.length, SQLITE_STATIC);
        result = database_step(add);
        *number = sqlite3_last_insert_rowid(store->database);
    } else if (result == SQLITE_ROW) {
        result = SQLITE_OK;
    }
    if (result == SQLITE_OK) {
        name_remember(&store->names, text, *number);
    }
    return result;
}

void names_forget(struct names *names) {
    for (int i = 0; i < NAMES_SLOTS; i++) {
        free(names->entries[i]);
        names->entries[i] = NULL;
    }
    names->count = 0;
}
