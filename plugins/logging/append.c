/* A lock around each batch keeps processes apart even when a write comes up short. It is an fcntl lock, not flock: the workers inherit one
 * open stdout, and flock would take them all for the same owner. */
#include "append.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 10 /* to lock the file that is at the path, while somebody rotates it */, TAIL_SIZE = 4096 };

/* A new file is on disk when its folder is. */
static int folder_sync(const char *path) {
    char *copy = strdup(path);
    if (!copy)
        return ENOMEM;
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (folder < 0)
        return 0; /* a folder that we may not read */
    int error = fsync(folder) == 0 || errno == EINVAL ? 0 : errno;
    close(folder);
    return error;
}

int append_adopt(struct append_file *file, int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return errno;
    file->descriptor = descriptor;
    file->regular = S_ISREG(status.st_mode);
    file->readable = file->regular && (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDWR;
    return 0;
}

int append_open(struct append_file *file) {
    struct stat status;
    const int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    bool special = stat(file->path, &status) == 0 && !S_ISREG(status.st_mode);
    int descriptor = open(file->path, flags | (special ? O_WRONLY : O_RDWR), 0600);
    if (descriptor < 0 && errno == EACCES)
        descriptor = open(file->path, flags | O_WRONLY, 0600);
    if (descriptor < 0)
        return errno;
    int error = append_adopt(file, descriptor);
    if (!error && file->regular)
        error = folder_sync(file->path);
    file->torn = false;
    if (error) {
        file->descriptor = descriptor;
        append_close(file);
    }
    return error;
}

void append_close(struct append_file *file) {
    if (file->descriptor >= 0 && file->path)
        close(file->descriptor);
    file->descriptor = -1;
}

static int file_lock(struct append_file *file, short type) {
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    while (fcntl(file->descriptor, F_SETLKW, &lock) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* Is what we have open still what the path leads to? */
static bool file_in_place(const struct append_file *file) {
    struct stat at_path, open_one;
    return !file->path || (stat(file->path, &at_path) == 0 && fstat(file->descriptor, &open_one) == 0 &&
                           at_path.st_dev == open_one.st_dev && at_path.st_ino == open_one.st_ino);
}

/* Locked and in place. Where the file can't be locked (some network file systems), we go on without: O_APPEND keeps lines apart as long
 * as no write comes up short. */
static int file_ready(struct append_file *file) {
    for (int i = 0; i < TRIES; i++) {
        int error = file->descriptor < 0 ? file->path ? append_open(file) : EBADF : 0;
        if (error)
            return error;
        bool locked = file_lock(file, F_WRLCK) == 0;
        if (file_in_place(file))
            return 0;
        if (locked)
            file_lock(file, F_UNLCK);
        append_close(file);
    }
    return EAGAIN;
}

/* `written` is how far it came, also after an error. */
static int write_all(int descriptor, const char *data, size_t length, size_t *written) {
    for (*written = 0; *written < length;) {
        ssize_t count = write(descriptor, data + *written, length - *written);
        if (count >= 0) {
            *written += (size_t)count;
        } else if (errno == EAGAIN) {
            struct pollfd entry = { .fd = descriptor, .events = POLLOUT };
            poll(&entry, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* Where the last line begins; `size` if the file ends with a newline. -1: can't be read. */
static off_t tail_start(int descriptor, off_t size) {
    char chunk[TAIL_SIZE];
    for (off_t end = size; end > 0;) {
        size_t wanted = end < TAIL_SIZE ? (size_t)end : TAIL_SIZE;
        if (pread(descriptor, chunk, wanted, end - (off_t)wanted) != (ssize_t)wanted)
            return -1;
        const char *newline = memrchr(chunk, '\n', wanted);
        if (newline)
            return end - (off_t)wanted + (newline - chunk) + 1;
        end -= (off_t)wanted;
    }
    return 0;
}

/* A half line: cut off if it is ours, since its event comes again; otherwise ended, so that ours begins on a line of its own. */
static int tail_repair(struct append_file *file, off_t *size) {
    static const char start[] = APPEND_LINE_START;
    char last = '\n', begun[sizeof start - 1];
    size_t written;
    if (!file->readable || *size == 0 || pread(file->descriptor, &last, 1, *size - 1) != 1 || last == '\n')
        return 0;
    off_t tail = tail_start(file->descriptor, *size);
    if (tail < 0)
        return 0;
    ssize_t count = pread(file->descriptor, begun, sizeof begun, tail);
    if (count > 0 && memcmp(begun, start, (size_t)count) == 0) {
        if (ftruncate(file->descriptor, tail) != 0)
            return errno;
        *size = tail;
        return 0;
    }
    int error = write_all(file->descriptor, "\n", 1, &written);
    *size += (off_t)written;
    return error;
}

/* After a failed write: back to the size before, unless somebody else has written behind it. */
static void file_take_back(struct append_file *file, off_t size, size_t written) {
    struct stat status;
    if (!written)
        return;
    file->torn = !file->path || !file->regular || fstat(file->descriptor, &status) != 0 ||
                 status.st_size != size + (off_t)written || ftruncate(file->descriptor, size) != 0;
}

static int locked_append(struct append_file *file, const char *data, size_t length) {
    struct stat status;
    size_t written = 0;
    if (fstat(file->descriptor, &status) != 0)
        return errno;
    int error = 0;
    if (file->torn && !file->readable)
        error = write_all(file->descriptor, "\n", 1, &written);
    else if (file->regular && file->path)
        error = tail_repair(file, &status.st_size);
    if (error)
        return error;
    status.st_size += (off_t)written;
    file->torn = false;
    error = write_all(file->descriptor, data, length, &written);
    if (error)
        file_take_back(file, status.st_size, written);
    return error;
}

int append_lines(struct append_file *file, const char *data, size_t length) {
    int error = file_ready(file);
    if (error)
        return error;
    error = locked_append(file, data, length);
    file_lock(file, F_UNLCK);
    return error;
}

int append_sync(struct append_file *file) {
    if (!file->regular || fdatasync(file->descriptor) == 0)
        return 0;
    int error = errno;
    if (file->path) /* standard output can't be opened again */
        append_close(file);
    return error;
}
