/* The arena: one malloc per piece, so that a sanitizer still sees a read beyond its end, in a list that frees them all. */
#include "config/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data, for wiping */
    max_align_t data[];
};

void *arena_allocate(struct arena *arena, size_t size) {
    struct arena_block *block = size > SIZE_MAX / 2 ? NULL : calloc(1, sizeof *block + size);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

char *arena_copy(struct arena *arena, const char *data, size_t length) {
    char *copy = arena_allocate(arena, length + 1);
    if (copy && length > 0)
        memcpy(copy, data, length);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *text = length < 0 ? NULL : arena_allocate(arena, (size_t)length + 1);
    if (!text) {
        arena->failed = true;
        return NULL;
    }
    va_start(list, format);
    vsnprintf(text, (size_t)length + 1, format, list);
    va_end(list);
    return text;
}

void arena_free(struct arena *arena) {
    struct arena_block *next;
    for (struct arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        bytes_wipe(block->data, block->size);
        free(block);
    }
    *arena = (struct arena){ 0 };
}
