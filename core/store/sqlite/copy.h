/* A whole, checked copy of a database that may be in use, as backup.c and compact.c need it. */
#ifndef STORE_SQLITE_COPY_H
#define STORE_SQLITE_COPY_H

#include <sqlite3.h>

#include "base/fault.h"
#include "store/store.h"

/* The file that is being written, locked against another process that would write the same. Removed by partial_drop, unless
 * its name was taken away from it by then. */
struct partial {
    char *path;
    int descriptor; /* -1: none. Closed last: it would free SQLite's locks on that file */
};
/* Made anew, 0600; what an earlier process left there when it was killed is taken over. */
bool partial_make(struct partial *partial, const char *path, struct fault *fault);
void partial_drop(struct partial *partial);

/* Copies what `source` reads into the partial file, checks the copy, and writes it to the disk. */
bool copy_database(sqlite3 *source, const char *source_path, const struct partial *partial,
                   const struct store_progress *progress, struct fault *fault);

/* Calls the progress, which may be null; false with words if it wants to give up. */
bool copy_step(const struct store_progress *progress, int64_t done_bytes, int64_t all_bytes, const char *path,
               struct fault *fault);
/* What a query's first row says; false: nothing, and SQLite knows why. */
bool copy_integer(sqlite3 *database, const char *text, int64_t *value);
/* "/absolute" or "./relative": never something that SQLite takes for a URI. The caller frees; null: no memory. */
char *copy_path(const char *folder, const char *name);
bool copy_sync_folder(const char *path, struct fault *fault); /* of the folder that this file is in */

#endif
