/* logging.so: each event as one line of JSON in a file, on disk before it counts as delivered. deliver only gathers lines; flush writes
 * them and pays for one fdatasync for all. */
#include <errno.h>
#include <grapnel/plugin.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "append.h"
#include "line.h"

struct logging {
    struct append_file file;
    struct lines lines;
};

static const struct grapnel_setting settings[] = {
    { "path", GRAPNEL_TEXT, "-", "The file to append to; - is Grapnel's standard output" },
    { 0 },
};

static bool is_stdout(const char *path) {
    return strcmp(path, "-") == 0;
}

/* Why the file can't be used, and what to do; lives as long as the call. */
static const char *explain(struct grapnel_call *call, const char *path, int error) {
    const char *name = is_stdout(path) ? "standard output" : path;
    switch (error) {
    case ENOENT:
        return grapnel_format(call, "%s: the folder that it is to be in does not exist: create it, or correct `path`",
                              name);
    case EISDIR:
        return grapnel_format(call, "%s is a folder: `path` must name a file", name);
    case ENOSPC:
        return grapnel_format(call, "%s: the disk is full: make room; events wait meanwhile", name);
    case EDQUOT:
        return grapnel_format(call, "%s: the disk quota is used up: make room; events wait meanwhile", name);
    default:
        return grapnel_format(call, "%s: %s", name, strerror(error));
    }
}

/* Errors that no waiting will mend. */
static bool hopeless(int error) {
    switch (error) {
    case ENOENT:
    case EISDIR:
    case ENOTDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENAMETOOLONG:
    case EBADF:
        return true;
    }
    return false;
}

static int busy(struct grapnel_call *call, struct logging *logging, int error) {
    const char *path = logging->file.path ? logging->file.path : "-";
    return grapnel_busy(call, 0, "%s", explain(call, path, error));
}

/* Without creating anything: may the file be written, or made in its folder? 0 or an errno. */
static int probe(const char *path, char *copy) {
    struct stat status;
    if (stat(path, &status) == 0)
        return S_ISDIR(status.st_mode) ? EISDIR : access(path, W_OK) == 0 ? 0 : errno;
    if (errno != ENOENT)
        return errno;
    return access(dirname(copy), W_OK | X_OK) == 0 ? 0 : errno;
}

static int check(struct grapnel_call *call) {
    const char *path = grapnel_setting_text(call, "path");
    if (!*path)
        return grapnel_fail(call, "`path` is empty: name a file, or - for standard output");
    size_t size = strlen(path) + 1;
    char *copy = grapnel_allocate(call, size);
    if (is_stdout(path) || !copy)
        return GRAPNEL_OK;
    memcpy(copy, path, size);
    int error = probe(path, copy);
    return error ? grapnel_fail(call, "%s", explain(call, path, error)) : GRAPNEL_OK;
}

static int init(struct grapnel_call *call, void **self) {
    const char *path = grapnel_setting_text(call, "path");
    if (!*path)
        return grapnel_fail(call, "`path` is empty: name a file, or - for standard output");
    struct logging *logging = calloc(1, sizeof *logging);
    if (!logging)
        return grapnel_busy(call, 0, "memory is short");
    logging->file.descriptor = -1;
    logging->file.path = is_stdout(path) ? NULL : path;
    int error = is_stdout(path) ? append_adopt(&logging->file, GRAPNEL_STDOUT) : append_open(&logging->file);
    if (error) {
        free(logging);
        const char *why = explain(call, path, error);
        return hopeless(error) ? grapnel_fail(call, "%s", why) : grapnel_busy(call, 0, "%s", why);
    }
    *self = logging;
    return GRAPNEL_OK;
}

static int deliver(struct grapnel_call *call, void *self) {
    struct logging *logging = self;
    if (!lines_add_event(&logging->lines, call))
        return grapnel_retry(call, 0, "memory is short for a line of this event: raise `memory` of the plugin");
    return GRAPNEL_OK;
}

/* What goes wrong with the file goes wrong for every event: BUSY gives all of them back, to be written again. */
static int flush(struct grapnel_call *call, void *self) {
    struct logging *logging = self;
    int error = append_lines(&logging->file, logging->lines.data, logging->lines.length);
    if (!error)
        error = append_sync(&logging->file);
    lines_clear(&logging->lines);
    return error ? busy(call, logging, error) : GRAPNEL_OK;
}

static void shutdown_logging(struct grapnel_call *call, void *self) {
    (void)call;
    struct logging *logging = self;
    append_close(&logging->file);
    lines_free(&logging->lines);
    free(logging);
}

GRAPNEL_PLUGIN(.name = "logging", .version = "1.0.0", .summary = "Appends each event to a file, one line of JSON each",
               .settings = settings, .check = check, .init = init, .deliver = deliver, .flush = flush,
               .shutdown = shutdown_logging);
