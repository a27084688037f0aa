/* Sits between a process and its disk (LD_PRELOAD). Under the folder SHIM_DIR it writes down every change and every sync, so
 * that the disk can be rebuilt as a power cut would have left it (crash_disks.py); and it lets the n-th call of a kind fail,
 * once or from then on: SHIM_FAIL=write|sync|read:N:ERRNO[:sticky]. It knows what a process asks of a disk, and nothing else. */
#define _GNU_SOURCE
#include <aio.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096
#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static char *names[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record_fd = -2;
static long calls[3];

static const char *under(const char *path) {
    const char *folder = getenv("SHIM_DIR");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length)) return NULL;
    if (!path[length]) return ".";
    return path[length] == '/' ? path + length + 1 : NULL;
}

static void note(char op, const char *name, int64_t offset, const void *data, uint32_t size) {
    if (record_fd == -2) {
        const char *path = getenv("SHIM_LOG");
        record_fd = path ? REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    }
    if (record_fd < 0) return;
    char head[32];
    uint32_t length = strlen(name);
    memset(head, 0, sizeof head);
    head[0] = op;
    memcpy(head + 4, &length, 4);
    memcpy(head + 8, &offset, 8);
    memcpy(head + 16, &size, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)name, length}, {(void *)data, size}};
    if (writev(record_fd, parts, data ? 3 : 2) < 0) abort();
}

/* The errno that this call is to fail with, or 0. */
static int fails(int kind) {
    static const char *kinds[] = {"write", "sync", "read"};
    const char *wish = getenv("SHIM_FAIL");
    if (!wish) return 0;
    size_t length = strlen(kinds[kind]);
    if (strncmp(wish, kinds[kind], length) || wish[length] != ':') return 0;
    char *rest;
    long nth = strtol(wish + length + 1, &rest, 10), wanted = strtol(rest + 1, &rest, 10);
    long now = __sync_add_and_fetch(&calls[kind], 1);
    return now == nth || (now > nth && !strcmp(rest, ":sticky")) ? (int)wanted : 0;
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES ? names[fd] : NULL; }

static int opened(int fd, const char *path, int flags, int existed) {
    const char *name = under(path);
    if (fd >= 0 && fd < FILES && name) {
        pthread_mutex_lock(&lock);
        free(names[fd]);
        names[fd] = strdup(name);
        if ((flags & O_CREAT) && !existed) note('c', name, 0, NULL, 0);
        if ((flags & O_TRUNC) && existed) note('t', name, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

static int there(const char *path) { return access(path, F_OK) == 0; }

#define OPEN(name)                                                     \
    int name(const char *path, int flags, ...) {                       \
        va_list more;                                                  \
        va_start(more, flags);                                         \
        mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;    \
        va_end(more);                                                  \
        int existed = there(path);                                     \
        return opened(REAL(name)(path, flags, mode), path, flags, existed); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                   \
    int name(int at, const char *path, int flags, ...) {               \
        va_list more;                                                  \
        va_start(more, flags);                                         \
        mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;    \
        va_end(more);                                                  \
        int existed = there(path);                                     \
        return opened(REAL(name)(at, path, flags, mode), path, flags, existed); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (name_of(fd)) {
        pthread_mutex_lock(&lock);
        free(names[fd]);
        names[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(fd);
}

static ssize_t wrote(const char *name, ssize_t done, const void *data, int64_t offset) {
    if (done > 0) {
        pthread_mutex_lock(&lock);
        note('w', name, offset, data, (uint32_t)done);
        pthread_mutex_unlock(&lock);
    }
    return done;
}

ssize_t write(int fd, const void *data, size_t size) {
    const char *name = name_of(fd);
    if (!name) return REAL(write)(fd, data, size);
    int error = fails(0);
    if (error) return errno = error, -1;
    int append = fcntl(fd, F_GETFL) & O_APPEND;
    int64_t offset = lseek(fd, 0, append ? SEEK_END : SEEK_CUR);
    return wrote(name, REAL(write)(fd, data, size), data, offset);
}

#define PWRITE(function, type)                                         \
    ssize_t function(int fd, const void *data, size_t size, type offset) { \
        const char *name = name_of(fd);                                \
        if (!name) return REAL(function)(fd, data, size, offset);      \
        int error = fails(0);                                          \
        if (error) {                                                   \
            /* A full disk takes half of it first, as a real one does. */ \
            if (size > 1) wrote(name, REAL(function)(fd, data, size / 2, offset), data, offset); \
            return errno = error, -1;                                  \
        }                                                              \
        return wrote(name, REAL(function)(fd, data, size, offset), data, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PREAD(function, type)                                          \
    ssize_t function(int fd, void *data, size_t size, type offset) {   \
        int error = name_of(fd) ? fails(2) : 0;                        \
        if (error) return errno = error, -1;                           \
        return REAL(function)(fd, data, size, offset);                 \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define TRUNCATE(function, type)                                       \
    int function(int fd, type size) {                                  \
        int done = REAL(function)(fd, size);                           \
        const char *name = name_of(fd);                                \
        if (!done && name) {                                           \
            pthread_mutex_lock(&lock);                                 \
            note('t', name, size, NULL, 0);                            \
            pthread_mutex_unlock(&lock);                               \
        }                                                              \
        return done;                                                   \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(function)                                                 \
    int function(int fd) {                                             \
        const char *name = name_of(fd);                                \
        int error = name ? fails(1) : 0;                               \
        if (error) return errno = error, -1;                           \
        int done = name && getenv("SHIM_FAST") ? 0 : REAL(function)(fd); \
        if (!done && name) {                                           \
            pthread_mutex_lock(&lock);                                 \
            note('s', name, 0, NULL, 0);                               \
            pthread_mutex_unlock(&lock);                               \
        }                                                              \
        return done;                                                   \
    }
SYNC(fsync)
SYNC(fdatasync)

/* The C library's own thread would sync behind the shim's back, so a sync in the background is carried out when it begins:
 * no later than a real one, and written down like any other. */
int aio_fsync(int op, struct aiocb *control) {
    (void)op;
    if (fcntl(control->aio_fildes, F_GETFL) < 0) return errno = EBADF, -1;
    int done = fdatasync(control->aio_fildes);
    control->__error_code = done ? errno : 0;
    control->__return_value = done;
    return 0;
}
int aio_error(const struct aiocb *control) { return control->__error_code; }
ssize_t aio_return(struct aiocb *control) { return control->__return_value; }
int aio_suspend(const struct aiocb *const list[], int count, const struct timespec *timeout) {
    return (void)list, (void)count, (void)timeout, 0;
}

int unlink(const char *path) {
    const char *name = under(path);
    int done = REAL(unlink)(path);
    if (!done && name) {
        pthread_mutex_lock(&lock);
        note('u', name, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return done;
}

int rename(const char *from, const char *to) {
    const char *name = under(from), *target = under(to);
    int done = REAL(rename)(from, to);
    if (!done && name && target) {
        pthread_mutex_lock(&lock);
        note('r', name, 0, target, (uint32_t)strlen(target));
        pthread_mutex_unlock(&lock);
    }
    return done;
}
