/* Memory that is made piece by piece while a file is read, and given back in one go. Everything in it may be a secret, so it is wiped. */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

/* Zero-initialise; whoever holds the arena owns all that was made in it. */
struct arena {
    struct arena_block *blocks;
    bool failed; /* memory was short at least once: what was read is incomplete */
};

/* Each: null if memory is short, with `failed` set. */
void *arena_allocate(struct arena *arena, size_t size);                 /* zeroed */
char *arena_copy(struct arena *arena, const char *data, size_t length); /* terminated */
__attribute__((format(printf, 2, 3))) char *arena_format(struct arena *arena, const char *format, ...);
void arena_free(struct arena *arena);

#endif
