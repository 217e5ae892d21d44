/* A Maildir: a folder in which each mail is a file, and a mail is there whole or not at all. */
#ifndef EMAIL_MAILDIR_H
#define EMAIL_MAILDIR_H

#include <stdbool.h>
#include <stddef.h>

struct maildir {
    int temporary, new, current; /* descriptors of its folders; -1: not open */
};

/* Makes the folder and what belongs into it, 0700, where missing; the folder above must be there. 0 or an errno. */
int maildir_open(struct maildir *maildir, const char *path);
void maildir_close(struct maildir *maildir);

/* Whether maildir_open would work, without making anything. 0 or an errno. */
int maildir_probe(const char *path);

/* On disk when it returns 0; otherwise an errno. A mail that is there already under this key, read or unread, is not written again. `key`
 * is fit for a file name. */
int maildir_store(struct maildir *maildir, const char *key, const char *message, size_t length);

#endif
