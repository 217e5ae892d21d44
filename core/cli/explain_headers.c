#include "cli/explain_headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

bool explain_header(void *context, const char *name, int count, struct bytes *value) {
    const struct explain_headers *headers = context;
    for (int i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->names[i], name) == 0 && count-- == 0) {
            *value = bytes_of(headers->values[i]);
            return true;
        }
    }
    return false;
}

bool explain_headers_read(struct explain_headers *headers, const char *const *lines, int count, struct fault *fault) {
    for (int i = 0; i < count; i++) {
        size_t length = strcspn(lines[i], ":");
        struct bytes value;
        if (lines[i][length] != ':' || length == 0 || strcspn(lines[i], blanks) < length)
            return fault_set(fault, "--header is 'Name: value', not \"%.100s\"", lines[i]);
        if (strpbrk(lines[i] + length, "\r\n"))
            return fault_set(fault, "the --header %.*s holds a line break, which no header can", (int)length, lines[i]);
        char *name = strndup(lines[i], length);
        if (!name)
            return fault_set(fault, "out of memory");
        if (!explain_header(headers, name, 0, &value))
            headers->unique[headers->unique_count++] = name;
        headers->names[headers->count] = name;
        headers->values[headers->count++] = lines[i] + length + 1 + strspn(lines[i] + length + 1, blanks);
    }
    return true;
}

void explain_headers_free(struct explain_headers *headers) {
    for (int i = 0; i < headers->count; i++)
        free(headers->names[i]);
    headers->count = headers->unique_count = 0;
}
