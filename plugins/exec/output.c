/* Control characters are escaped by the log; a NUL would end a text before it gets there, so it becomes a blank here. */
#include "output.h"

static void line_remember(struct output *output) {
    if (output->line[strspn(output->line, " \t\r")] == '\0')
        return;
    size_t size = output->length < OUTPUT_LAST_SIZE ? output->length : OUTPUT_LAST_SIZE;
    memcpy(output->last, output->line, size);
    output->last[size] = '\0';
}

static void line_end(struct output *output) {
    while (output->length && output->line[output->length - 1] == '\r')
        output->length--;
    output->line[output->length] = '\0';
    line_remember(output);
    int64_t length = (int64_t)output->length;
    if (output->logged + length > output->limit || output->lines == OUTPUT_LINES) {
        output->left_out += length;
        output->limit = output->logged; /* no shorter line after it: what is logged is the beginning, without gaps */
    } else if (length) {
        grapnel_log(output->call, GRAPNEL_INFO, "%s: %s", grapnel_id(output->call), output->line);
        output->logged += length;
        output->lines++;
    }
    output->length = 0;
}

void output_take(struct output *output, const char *data, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\n') {
            line_end(output);
            continue;
        }
        if (output->length == OUTPUT_LINE_SIZE)
            line_end(output);
        output->line[output->length++] = data[i] ? data[i] : ' ';
    }
}

void output_end(struct output *output) {
    if (output->length)
        line_end(output);
    if (output->left_out)
        grapnel_log(output->call, GRAPNEL_INFO, "%s: %lld more bytes of output are not logged: `output` limits it",
                    grapnel_id(output->call), (long long)output->left_out);
}
