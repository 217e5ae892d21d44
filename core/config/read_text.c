/* Texts: as they stand in the file, or from another file or the environment. */
#include "config/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/trust.h"

char *reader_path(const struct reader *reader, const char *path) {
    if (path[0] == '/')
        return arena_copy(reader->arena, path, strlen(path));
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    return arena_format(reader->arena, "%s/%s", strcmp(reader->folder, "/") == 0 ? "" : reader->folder, path);
}

/* The descriptor is not to wait for the writer of a pipe. */
char *reader_file_text(struct reader *reader, const char *path, const char **why) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        *why = descriptor < 0 ? strerror(errno) : "not a regular file";
        if (descriptor >= 0)
            close(descriptor);
        return NULL;
    }
    char *text = arena_allocate(reader->arena, TEXT_FILE_LIMIT + 2);
    size_t length = 0;
    ssize_t got = text ? 1 : -1;
    while (got > 0 && length <= TEXT_FILE_LIMIT) {
        got = read(descriptor, text + length, TEXT_FILE_LIMIT + 1 - length);
        if (got > 0)
            length += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    *why = got < 0                      ? strerror(errno)
           : length > TEXT_FILE_LIMIT   ? "larger than 64KiB"
           : memchr(text, '\0', length) ? "it holds a zero byte, which no text may"
                                        : NULL;
    close(descriptor);
    if (*why)
        return NULL;
    if (length > 0 && text[length - 1] == '\n')
        length--;
    char *copy = arena_copy(reader->arena, text, length);
    bytes_wipe(text, TEXT_FILE_LIMIT);
    return copy;
}

/* Keys whose texts are secrets. Those among a plugin's settings are known by their kind only once the plugin is loaded. */
static const char *const guarded_names[] = { "secrets", "token", NULL };

static void file_secret_check(struct reader *reader, const struct yaml_node *node, const char *name, const char *path) {
    unsigned mode;
    for (size_t i = 0; guarded_names[i] && reader->warnings != reader->mistakes; i++)
        if (strcmp(guarded_names[i], name) == 0 && trust_is_public(path, &mode))
            reader_warning(reader, node,
                           "\"%s\": every user of this machine can read the file %.400s (mode %04o); `chmod o= %.400s`",
                           name, path, mode, path);
}

char *read_text(struct reader *reader, const struct yaml_node *node, const char *name) {
    if (node->kind == YAML_SCALAR)
        return arena_copy(reader->arena, node->text, strlen(node->text));
    if (!node_is_text(node) || node->first->kind != YAML_SCALAR) {
        reader_mistake(reader, node, "\"%.80s\" must be a text, { file: PATH } or { env: NAME }, not %s", name,
                       node_kind_text(node));
        return NULL;
    }
    const struct yaml_node *from = node->first;
    if (from->refused)
        return NULL;
    if (from->text[0] == '\0') {
        reader_mistake(reader, from, "\"%s\" of \"%.80s\" is empty", from->key->text, name);
        return NULL;
    }
    if (strcmp(from->key->text, "env") == 0) {
        const char *value = getenv(from->text);
        if (!value)
            reader_mistake(reader, from, "\"%.80s\": the environment variable %.200s is not set", name, from->text);
        return value ? arena_copy(reader->arena, value, strlen(value)) : NULL;
    }
    const char *why = NULL;
    char *path = reader_path(reader, from->text);
    char *text = path ? reader_file_text(reader, path, &why) : NULL;
    if (why)
        reader_mistake(reader, from, "\"%.80s\": the file %.400s can't be read: %s", name, path, why);
    else if (path)
        file_secret_check(reader, from, name, path);
    return text;
}
