#pragma once

#include <stddef.h>
#include <sys/types.h>

/// Opens a file for reading, if that takes no access to a disk or another machine.
///
/// Returns the descriptor; -1 for a file that cannot be opened or not so, and where the system cannot tell.
int steward_open_cached(const char *path);

/// Reads bytes of a file from an offset on, as far as they are in memory.
///
/// Returns how many were read; -1 when that would take an access to a disk or another machine, or the system cannot tell.
ssize_t steward_read_cached(int descriptor, void *bytes, size_t count, off_t offset);

/// Whether somebody has an open file open for writing, of a descriptor that is for reading only.
///
/// Returns 1 if so, 0 if not, -1 where the system does not tell: of files of others, and of most network file systems.
int steward_is_being_written(int descriptor);
