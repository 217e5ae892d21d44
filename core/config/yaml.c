/* Reading a YAML file into memory, and looking into the tree that yaml_parse made of it. */
#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The whole file into `text`, with one byte more than the limit if it is too large. */
static bool file_read(const char *file, struct buffer *text) {
    int descriptor = open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    text->limit = YAML_FILE_LIMIT + 1;
    ssize_t got = 1;
    while (got > 0 && text->length < text->limit) {
        size_t size = text->limit - text->length;
        char *room = buffer_reserve(text, size);
        if (!room) {
            errno = ENOMEM;
            got = -1;
            break;
        }
        got = read(descriptor, room, size);
        if (got > 0)
            text->length += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    int error = errno;
    close(descriptor);
    errno = error;
    return got >= 0;
}

struct yaml_document *yaml_read(const char *file, struct fault_list *mistakes) {
    struct buffer text = { 0 };
    struct yaml_document *document = NULL;
    if (!file_read(file, &text))
        fault_list_add(mistakes, "%s: the config file can't be read: %s%s", file, strerror(errno),
                       errno == ENOENT ? "; name the one that is meant with -c FILE" : "");
    else
        document = yaml_parse(file, (struct bytes){ text.data, text.length }, mistakes);
    bytes_wipe(text.data, text.length);
    buffer_free(&text);
    return document;
}

void yaml_document_free(struct yaml_document *document) {
    if (!document)
        return;
    arena_free(&document->arena);
    free(document);
}

const struct yaml_node *yaml_member(const struct yaml_node *mapping, const char *key) {
    for (const struct yaml_node *node = mapping->first; node; node = node->next) {
        if (node->key && strcmp(node->key->text, key) == 0)
            return node;
    }
    return NULL;
}
