#ifndef C_JOURNAL_BUFFER_H
#define C_JOURNAL_BUFFER_H

/* Has SQLite collect what it writes into journals, until it flushes them: it writes three times for each page, a number, the
 * page, a checksum, and each is a system call. Holds for connections that are opened afterwards. Returns a result code of
 * SQLite; where that is no success, journals are written as before. */
int CJournalBufferInstall(void);

#endif
