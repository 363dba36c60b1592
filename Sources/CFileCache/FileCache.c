#define _GNU_SOURCE
#include "file_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

int steward_open_cached(const char *path) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_CACHED};
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

/// File systems in memory have no such way to read, as reading never waits.
static int is_in_memory(int descriptor) {
    struct statfs system;
    return fstatfs(descriptor, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

ssize_t steward_read_cached(int descriptor, void *bytes, size_t count, off_t offset) {
    struct iovec memory = {bytes, count};
    ssize_t got;
    do got = preadv2(descriptor, &memory, 1, offset, RWF_NOWAIT);
    while (got < 0 && errno == EINTR);
    if (got >= 0 || errno != EOPNOTSUPP || !is_in_memory(descriptor)) return got;
    do got = pread(descriptor, bytes, count, offset);
    while (got < 0 && errno == EINTR);
    return got;
}

int steward_is_being_written(int descriptor) {
    /* A lease for reading is given where nobody can write. The signal to those who are asked to give it back, as may
     * happen in between, is one that does nothing by itself. */
    if (fcntl(descriptor, F_SETSIG, SIGURG) != 0) return -1;
    if (fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? 1 : -1;
    fcntl(descriptor, F_SETLEASE, F_UNLCK);
    return 0;
}
#else
int steward_is_being_written(int descriptor) {
    (void)descriptor;
    return -1;
}

int steward_open_cached(const char *path) {
    (void)path;
    errno = ENOSYS;
    return -1;
}

ssize_t steward_read_cached(int descriptor, void *bytes, size_t count, off_t offset) {
    (void)descriptor, (void)bytes, (void)count, (void)offset;
    errno = ENOSYS;
    return -1;
}
#endif
