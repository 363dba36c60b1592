#include "CJournalBuffer.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* A virtual file system of SQLite (https://sqlite.org/vfs.html) that hands all on to the default one, and puts a buffer before
 * journals: those of transactions, of statements and of temporary tables. Their records go to the end of the file, and nothing
 * is changed in the database before its journal is flushed (xSync), so what is in the buffer then has not been needed.
 *
 * The buffer holds the bytes of one range of the file, and reads see it. So a rollback finds all records also where the buffer
 * could not be written, as on a full disk. */

enum { CAPACITY = 1 << 16 };

typedef struct {
    sqlite3_file base;
    /* The file of the default system, behind this. */
    sqlite3_file *real;
    unsigned char *buffer;
    sqlite3_int64 start;
    int count;
    /* Whether the file goes with its last name: nobody reads it later. */
    int is_temporary;
} JournalFile;

static sqlite3_vfs *system_vfs;

static JournalFile *journal(sqlite3_file *file) { return (JournalFile *)file; }

/* Writes what is in the buffer. It stays there when that fails. */
static int flush(JournalFile *file) {
    if (file->count == 0) return SQLITE_OK;
    int code = file->real->pMethods->xWrite(file->real, file->buffer, file->count, file->start);
    if (code == SQLITE_OK) file->count = 0;
    return code;
}

static int close_file(sqlite3_file *base) {
    JournalFile *file = journal(base);
    int flushed = file->is_temporary ? SQLITE_OK : flush(file);
    int closed = file->real->pMethods->xClose(file->real);
    free(file->buffer);
    file->buffer = NULL;
    file->base.pMethods = NULL;
    return flushed == SQLITE_OK ? closed : flushed;
}

static int write_file(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
    JournalFile *file = journal(base);
    if (file->count > 0 && (offset != file->start + file->count || file->count + count > CAPACITY)) {
        int code = flush(file);
        if (code != SQLITE_OK) return code;
    }
    if (file->buffer == NULL) file->buffer = malloc(CAPACITY);
    if (file->buffer == NULL || count > CAPACITY)
        return file->real->pMethods->xWrite(file->real, bytes, count, offset);
    if (file->count == 0) file->start = offset;
    memcpy(file->buffer + file->count, bytes, (size_t)count);
    file->count += count;
    return SQLITE_OK;
}

static int read_file(sqlite3_file *base, void *bytes, int count, sqlite3_int64 offset) {
    JournalFile *file = journal(base);
    sqlite3_int64 end = offset + count, buffered = file->start + file->count;
    int overlaps = file->count > 0 && offset < buffered && end > file->start;
    if (overlaps && offset >= file->start && end <= buffered) {
        memcpy(bytes, file->buffer + (offset - file->start), (size_t)count);
        return SQLITE_OK;
    }
    int code = file->real->pMethods->xRead(file->real, bytes, count, offset);
    if (!overlaps || (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)) return code;
    /* What the file lacks is zeros now. */
    sqlite3_int64 from = offset > file->start ? offset : file->start, to = end < buffered ? end : buffered;
    memcpy((unsigned char *)bytes + (from - offset), file->buffer + (from - file->start), (size_t)(to - from));
    return end <= buffered ? SQLITE_OK : code;
}

static int truncate_file(sqlite3_file *base, sqlite3_int64 size) {
    JournalFile *file = journal(base);
    int code = file->real->pMethods->xTruncate(file->real, size);
    if (code != SQLITE_OK) return code;
    if (size <= file->start) {
        file->count = 0;
    } else if (size < file->start + file->count) {
        file->count = (int)(size - file->start);
    }
    return SQLITE_OK;
}

static int sync_file(sqlite3_file *base, int flags) {
    JournalFile *file = journal(base);
    int code = flush(file);
    return code == SQLITE_OK ? file->real->pMethods->xSync(file->real, flags) : code;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
    JournalFile *file = journal(base);
    int code = file->real->pMethods->xFileSize(file->real, size);
    if (code == SQLITE_OK && file->count > 0 && *size < file->start + file->count) *size = file->start + file->count;
    return code;
}

static int lock_file(sqlite3_file *base, int level) {
    return journal(base)->real->pMethods->xLock(journal(base)->real, level);
}

static int unlock_file(sqlite3_file *base, int level) {
    return journal(base)->real->pMethods->xUnlock(journal(base)->real, level);
}

static int check_reserved_lock(sqlite3_file *base, int *is_held) {
    return journal(base)->real->pMethods->xCheckReservedLock(journal(base)->real, is_held);
}

static int control_file(sqlite3_file *base, int operation, void *argument) {
    return journal(base)->real->pMethods->xFileControl(journal(base)->real, operation, argument);
}

static int sector_size(sqlite3_file *base) { return journal(base)->real->pMethods->xSectorSize(journal(base)->real); }

static int characteristics(sqlite3_file *base) {
    return journal(base)->real->pMethods->xDeviceCharacteristics(journal(base)->real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *given) {
    (void)vfs;
    int temporary = SQLITE_OPEN_SUBJOURNAL | SQLITE_OPEN_TEMP_JOURNAL;
    if (!(flags & (SQLITE_OPEN_MAIN_JOURNAL | temporary)) || flags & SQLITE_OPEN_READONLY)
        return system_vfs->xOpen(system_vfs, name, base, flags, given);
    JournalFile *file = journal(base);
    memset(file, 0, sizeof *file);
    file->real = (sqlite3_file *)(file + 1);
    file->is_temporary = flags & temporary;
    int code = system_vfs->xOpen(system_vfs, name, file->real, flags, given);
    if (file->real->pMethods == NULL) return code;
    if (code != SQLITE_OK) {
        file->real->pMethods->xClose(file->real);
        return code;
    }
    /* Where the system writes in the order it was asked to, SQLite does without flushes. */
    int is_flushed = !(file->real->pMethods->xDeviceCharacteristics(file->real) & SQLITE_IOCAP_SEQUENTIAL);
    if (!is_flushed) {
        file->real->pMethods->xClose(file->real);
        memset(file, 0, sizeof *file);
        return system_vfs->xOpen(system_vfs, name, base, flags, given);
    }
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int installed;

static void install(void) {
    static sqlite3_vfs buffering;
    installed = sqlite3_initialize();
    if (installed != SQLITE_OK) return;
    system_vfs = sqlite3_vfs_find(NULL);
    if (system_vfs == NULL) {
        installed = SQLITE_ERROR;
        return;
    }
    /* The methods but this one are those of the default system, and find in it what they need. */
    buffering = *system_vfs;
    buffering.pNext = NULL;
    buffering.zName = "steward";
    buffering.szOsFile = system_vfs->szOsFile + (int)sizeof(JournalFile);
    buffering.xOpen = open_file;
    installed = sqlite3_vfs_register(&buffering, 1);
}

int CJournalBufferInstall(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    return installed;
}
