/* The headers of a request as they were given on the command line: "Name: value" each. */
#ifndef CLI_EXPLAIN_HEADERS_H
#define CLI_EXPLAIN_HEADERS_H

#include "base/bytes.h"
#include "base/fault.h"
#include "cli/command.h"

struct explain_headers {
    char *names[COMMAND_REPEAT_LIMIT]; /* owned */
    const char *values[COMMAND_REPEAT_LIMIT];
    int count;
    /* Each name once, in any case. */
    const char *unique[COMMAND_REPEAT_LIMIT];
    int unique_count;
};

/* False with the reason; to be freed either way. The lines must stay. */
bool explain_headers_read(struct explain_headers *headers, const char *const *lines, int count, struct fault *fault);
void explain_headers_free(struct explain_headers *headers);
/* As struct signature_request asks for them; `context` is the struct explain_headers. */
bool explain_header(void *context, const char *name, int count, struct bytes *value);

#endif
