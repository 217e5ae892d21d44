/* Memory of one call into the plugin: taken piece by piece, freed all at once when the call returns. */
#ifndef HOST_ARENA_H
#define HOST_ARENA_H

#include <stddef.h>

enum { ARENA_LIMIT = 64 * 1024 * 1024, ARENA_BLOCK_SIZE = 32 * 1024 };

struct arena_block;

/* Zero-initialise. One thread. */
struct arena {
    struct arena_block *newest, *oldest; /* the oldest is kept when the arena is emptied */
    char *next, *end;                    /* what is free in the newest block */
    size_t taken;                        /* in all, since it was last emptied */
};

void *arena_take(struct arena *arena,
                 size_t size); /* aligned for any type; null if memory is short or the limit reached */
char *arena_copy(struct arena *arena, const void *data, size_t length); /* terminated; null likewise */
void arena_empty(struct arena *arena);
void arena_free(struct arena *arena);

#endif
