// What Swift cannot call of SQLite, because it takes arguments of any number.
#include <sqlite3.h>

/// Keeps SQLite from counting its memory, which takes a lock at each allocation. Before the first connection.
static inline int CSQLiteStopCountingMemory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
