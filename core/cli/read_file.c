#include "cli/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { READ_STEP = 64 * 1024 };

bool read_file(const char *path, struct buffer *data, struct fault *fault) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file)
        return fault_set(fault, "%s: %s", path, strerror(errno));
    data->limit = READ_FILE_LIMIT + READ_STEP;
    char *room;
    size_t count;
    while ((room = buffer_reserve(data, READ_STEP)) && (count = fread(room, 1, READ_STEP, file)) > 0)
        data->length += count;
    int error = ferror(file) ? errno : 0;
    if (file != stdin)
        fclose(file);
    if (error)
        return fault_set(fault, "%s: %s", path, strerror(error));
    if (data->failed || data->length > READ_FILE_LIMIT)
        return fault_set(fault, "%s: longer than 64MiB, which no source takes", path);
    return true;
}
