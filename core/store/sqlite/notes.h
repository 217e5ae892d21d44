/* What a plugin's breaker must remember: a place for each plugin, which any thread writes to and the writer thread
 * brings to disk with its next commit. A note that comes before the one was written takes its place. */
#ifndef STORE_SQLITE_NOTES_H
#define STORE_SQLITE_NOTES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct notes {
    pthread_mutex_t mutex; /* guards the places */
    struct note_place {
        struct store_note note;
        bool changed; /* and not yet given to a transaction */
        bool writing; /* the writer's: the open transaction has it */
    } * places;       /* by plugin number */
    int count;
};

void notes_begin(struct notes *notes);
bool notes_reserve(struct notes *notes, int plugin); /* before the writer thread runs; false: no memory */
void notes_free(struct notes *notes);

int notes_write(struct store *store); /* within a transaction: all that changed; SQLite's result */
/* After it: exactly one of these. */
void notes_committed(struct store *store);
void notes_rolled_back(struct store *store);

#endif
