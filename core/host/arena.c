/* A list of blocks; pieces are cut from the newest one, larger pieces get a block of their own size. */
#include "host/arena.h"

#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    _Alignas(max_align_t) char bytes[];
};

static void block_use(struct arena *arena, struct arena_block *block, size_t size) {
    arena->next = block->bytes;
    arena->end = block->bytes + size;
}

void *arena_take(struct arena *arena, size_t size) {
    const size_t alignment = _Alignof(max_align_t);
    if (size > ARENA_LIMIT)
        return NULL;
    size_t rounded = size ? (size + alignment - 1) / alignment * alignment : alignment;
    if (rounded > ARENA_LIMIT - arena->taken)
        return NULL;
    if (!arena->newest || rounded > (size_t)(arena->end - arena->next)) {
        /* The oldest block is the one that is kept, so it is always of the common size. */
        size_t block_size = rounded > ARENA_BLOCK_SIZE && arena->newest ? rounded : ARENA_BLOCK_SIZE;
        struct arena_block *block = malloc(sizeof *block + block_size);
        if (!block)
            return NULL;
        block->older = arena->newest;
        arena->newest = block;
        if (!arena->oldest)
            arena->oldest = block;
        block_use(arena, block, block_size);
        if (rounded > block_size)
            return arena_take(arena, size);
    }
    void *piece = arena->next;
    arena->next += rounded;
    arena->taken += rounded;
    return piece;
}

char *arena_copy(struct arena *arena, const void *data, size_t length) {
    char *copy = length < ARENA_LIMIT ? arena_take(arena, length + 1) : NULL;
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

void arena_empty(struct arena *arena) {
    if (arena->taken == 0)
        return;
    while (arena->newest != arena->oldest) {
        struct arena_block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
    arena->taken = 0;
    block_use(arena, arena->oldest, ARENA_BLOCK_SIZE);
}

void arena_free(struct arena *arena) {
    arena_empty(arena);
    free(arena->oldest);
    *arena = (struct arena){ 0 };
}
