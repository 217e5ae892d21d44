/* Whether a store could be opened, without opening it: SQLite itself would make files beside the database, and a daemon
 * may be at work on it. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/sqlite/engine.h"

/* Of the first page, as SQLite's file format describes it. */
enum { HEADER_SIZE = 100, USER_VERSION_AT = 60, APPLICATION_ID_AT = 68, SCHEMA_COOKIE_AT = 40 };

static int64_t header_number(const unsigned char *header, size_t at) {
    uint32_t number;
    memcpy(&number, header + at, sizeof number);
    return be32toh(number);
}

/* The newest header may be in the write-ahead log, and the database still empty: then it is left to the start. */
static bool header_check(const char *path, struct fault *fault) {
    static const char magic[16] = "SQLite format 3";
    unsigned char header[HEADER_SIZE];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = file >= 0 ? pread(file, header, sizeof header, 0) : 0;
    if (file >= 0) {
        close(file);
    }
    if (length <= 0) {
        return true;
    }
    if (length < HEADER_SIZE || memcmp(header, magic, sizeof magic) != 0) {
        return fault_set(fault,
                         "%s: damaged, or no database at all: put a backup in its place, or move it and its -wal away "
                         "to begin with an empty store",
                         path);
    }
    int64_t application = header_number(header, APPLICATION_ID_AT), version = header_number(header, USER_VERSION_AT);
    /* Without tables it is nobody's yet. */
    bool empty = application == 0 && header_number(header, SCHEMA_COOKIE_AT) == 0;
    return empty || database_is_usable(path, application, version, fault);
}

bool store_check(const char *folder, struct fault *fault) {
    char path[4096];
    snprintf(path, sizeof path, "%.4000s/grapnel.db", folder);
    return folder_check(folder, fault) && header_check(path, fault);
}
