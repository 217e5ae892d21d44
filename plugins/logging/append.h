/* Appending whole lines to a file that several processes may be appending to, and that may be rotated away at any time. */
#ifndef LOGGING_APPEND_H
#define LOGGING_APPEND_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise with descriptor -1. Owner: the plugin. */
struct append_file {
    const char *path; /* null: the descriptor was given and is neither closed nor opened again */
    int descriptor;   /* -1: not open */
    bool regular;     /* a file on a disk: no pipe, terminal or the like */
    bool readable;    /* so that a half line at its end can be found */
    bool torn;        /* we left a half line that we couldn't take back */
};

/* All return 0 or an errno. */
int append_open(struct append_file *file);
/* A descriptor that is open already. */
int append_adopt(struct append_file *file, int descriptor);
/* Appends `length` bytes that end with a newline: all of them or, if the disk is full, none. Opens the file again if it is not at its path
 * any more. A half line at its end, which a killed process left, is cut off before. */
int append_lines(struct append_file *file, const char *data, size_t length);
/* Puts it on disk. After a failure the kernel may have dropped what was written, so the file is closed: all must be appended again. */
int append_sync(struct append_file *file);
void append_close(struct append_file *file);

/* How each of our lines begins; anything else at the end of the file is somebody's and is never cut off. */
#define APPEND_LINE_START "{\"received\":\""

#endif
