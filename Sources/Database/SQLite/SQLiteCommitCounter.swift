import GRDBSQLite
import Synchronization

/// Reads how often a file in rollback-journal mode was committed to, without waiting for anybody's lock.
///
/// SQLite counts in the file's header (bytes 24 to 27, https://sqlite.org/fileformat2.html#file_change_counter). A
/// commit ends with the removal of its journal, after the new count is in the file. So a count that is still the same
/// proves that nothing was committed; one that differs proves nothing, as its transaction may yet be undone.
///
/// The file is read through a connection of SQLite's own that never begins a transaction: closing any other descriptor
/// of the file would take away the locks that the process holds on it.
final class SQLiteCommitCounter: Sendable {
    /// Safe to share as the lock that holds it lets one use it at a time.
    private struct Connection: @unchecked Sendable {
        let pointer: OpaquePointer
        let file: UnsafeMutablePointer<sqlite3_file>
    }

    private static let headerSize = 100

    /// Used by one thread at a time.
    private let connection: Mutex<Connection>

    /// `nil` if the file cannot be opened.
    init?(path: String) {
        var pointer: OpaquePointer?
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
        guard sqlite3_open_v2(path, &pointer, flags, nil) == SQLITE_OK, let pointer else {
            sqlite3_close(pointer)
            return nil
        }
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(pointer, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK, let file else {
            sqlite3_close(pointer)
            return nil
        }
        connection = Mutex(Connection(pointer: pointer, file: file))
    }

    deinit { connection.withLock { _ = sqlite3_close($0.pointer) } }

    /// `nil` where the count says nothing: in write-ahead mode, and when the header cannot be read.
    func value() -> UInt32? {
        var header = [UInt8](repeating: 0, count: Self.headerSize)
        let result = connection.withLock { connection in
            connection.file.pointee.pMethods?.pointee.xRead?(connection.file, &header, Int32(header.count), 0)
        }
        // Bytes 18 and 19: 1 for rollback journals.
        guard result == SQLITE_OK, header.starts(with: "SQLite format 3\0".utf8), header[18] == 1, header[19] == 1
        else { return nil }
        return header[24..<28].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
