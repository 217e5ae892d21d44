/* For the tests' plugins: one line in the file of setting `record`, so that a test can count what the plugin saw, crashes included. */
#ifndef TEST_PLUGIN_RECORD_H
#define TEST_PLUGIN_RECORD_H

#include <fcntl.h>
#include <grapnel/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_SETTING                                                                                                 \
    { "record", GRAPNEL_TEXT, "", "A file: what is done is appended to it, a line each, before it is done" }

/* One write(2), so that lines of several workers stay whole; opened anew each time, so that a test may move the file. */
static inline void record(struct grapnel_call *call, const char *line) {
    const char *path = grapnel_setting_text(call, "record");
    if (!path || !*path)
        return;
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || write(descriptor, line, strlen(line)) != (ssize_t)strlen(line))
        abort();
    close(descriptor);
}

#endif
