#include "maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 256 };

/* ---- the folder ---- */

/* 0 or an errno. A folder that is there already is good. */
static int folder_make(int at, const char *name) {
    return mkdirat(at, name, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

static int folder_open(int at, const char *name, int *descriptor) {
    *descriptor = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *descriptor < 0 ? errno : 0;
}

/* Some file systems can't sync a folder, and say EINVAL. */
static int folder_sync(int descriptor) {
    return fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
}

static int above_sync(const char *path) {
    char *copy = strdup(path);
    int above, error = copy ? folder_open(AT_FDCWD, dirname(copy), &above) : ENOMEM;
    free(copy);
    if (error == EACCES)
        return 0; /* a folder that we may not read */
    if (error)
        return error;
    error = folder_sync(above);
    close(above);
    return error;
}

static int folders_open(struct maildir *maildir, int folder) {
    const struct {
        const char *name;
        int *descriptor;
    } folders[] = { { "tmp", &maildir->temporary }, { "new", &maildir->new }, { "cur", &maildir->current } };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        int error = folder_make(folder, folders[i].name);
        if (!error)
            error = folder_open(folder, folders[i].name, folders[i].descriptor);
        if (error)
            return error;
    }
    return folder_sync(folder);
}

int maildir_open(struct maildir *maildir, const char *path) {
    int folder;
    *maildir = (struct maildir){ -1, -1, -1 };
    int error = folder_make(AT_FDCWD, path);
    if (!error)
        error = folder_open(AT_FDCWD, path, &folder);
    if (error)
        return error;
    error = folders_open(maildir, folder);
    close(folder);
    if (!error)
        error = above_sync(path);
    if (error)
        maildir_close(maildir);
    return error;
}

void maildir_close(struct maildir *maildir) {
    int *const descriptors[] = { &maildir->temporary, &maildir->new, &maildir->current };
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
        if (*descriptors[i] >= 0)
            close(*descriptors[i]);
        *descriptors[i] = -1;
    }
}

int maildir_probe(const char *path) {
    struct stat status;
    if (stat(path, &status) == 0)
        return !S_ISDIR(status.st_mode) ? ENOTDIR : access(path, W_OK | X_OK) == 0 ? 0 : errno;
    if (errno != ENOENT)
        return errno;
    char *copy = strdup(path);
    int error = !copy ? ENOMEM : access(dirname(copy), W_OK | X_OK) == 0 ? 0 : errno;
    free(copy);
    return error;
}

/* ---- a mail ---- */

/* Mail programs move a mail that they have shown to cur/, and append ":2," and some of these letters, in this order. Asking for each
 * of the 64 names costs the same however many mails there are, which reading the folder would not. */
static bool mail_exists(const struct maildir *maildir, const char *name) {
    static const char flags[] = "DFPRST";
    if (faccessat(maildir->new, name, F_OK, 0) == 0 || faccessat(maildir->current, name, F_OK, 0) == 0)
        return true;
    for (int set = 0; set < 1 << (sizeof flags - 1); set++) {
        char shown[NAME_SIZE + sizeof flags + 3];
        int length = snprintf(shown, sizeof shown, "%s:2,", name);
        for (size_t i = 0; i < sizeof flags - 1; i++)
            if (set >> i & 1)
                shown[length++] = flags[i];
        shown[length] = '\0';
        if (faccessat(maildir->current, shown, F_OK, 0) == 0)
            return true;
    }
    return false;
}

static int write_all(int descriptor, const char *data, size_t length) {
    while (length) {
        ssize_t count = write(descriptor, data, length);
        if (count < 0 && errno != EINTR)
            return errno;
        if (count > 0) {
            data += count;
            length -= (size_t)count;
        }
    }
    return 0;
}

/* A file on a disk of ours has lines that end with LF, as mail programs expect it in a Maildir. */
static int message_write_lines(int descriptor, const char *message, size_t length) {
    char *lines = malloc(length ? length : 1), *end = lines;
    if (!lines)
        return ENOMEM;
    for (size_t i = 0; i < length; i++)
        if (message[i] != '\r' || i + 1 == length || message[i + 1] != '\n')
            *end++ = message[i];
    int error = write_all(descriptor, lines, (size_t)(end - lines));
    free(lines);
    return error;
}

int maildir_store(struct maildir *maildir, const char *key, const char *message, size_t length) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s.grapnel", key);
    if (mail_exists(maildir, name))
        return folder_sync(maildir->new); /* whoever put it there may have been killed before this */
    /* What a killed process left there under this name is overwritten. */
    int file = openat(maildir->temporary, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return errno;
    int error = message_write_lines(file, message, length);
    if (!error && fsync(file) != 0)
        error = errno;
    if (close(file) != 0 && !error)
        error = errno;
    if (!error && renameat(maildir->temporary, name, maildir->new, name) != 0)
        error = errno;
    if (error)
        unlinkat(maildir->temporary, name, 0);
    return error ? error : folder_sync(maildir->new);
}
