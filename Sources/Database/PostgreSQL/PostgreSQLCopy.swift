import CLibPQ
import Foundation

/// Bulk loads.
extension PostgreSQLHandle {
    /// Sends data to a `COPY … FROM STDIN` and returns the number of rows that it made.
    func copy(_ statement: String, _ data: [UInt8], table: String?) throws -> Int {
        try checkCancelled()
        try clear()
        guard let pointer, PQsendQuery(pointer, statement) == 1 else { throw lost() }
        guard let begun = try nextResult() else { throw lost("no answer came") }
        guard begun.status == PGRES_COPY_IN else {
            _ = try? collect(statement: statement, table: table)
            throw asLost(errors.error(of: begun, statement: statement, table: table))
        }
        var place = 0
        while place < data.count {
            let count = min(Self.copyPiece, data.count - place)
            let sent = data[place..<place + count].withUnsafeBytes { bytes in
                PQputCopyData(pointer, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(count))
            }
            guard sent >= 0 else { throw lost() }
            if sent == 1 { place += count }
            try drain(waits: sent == 0)
        }
        while true {
            let ended = PQputCopyEnd(pointer, isCancelled() ? "cancelled" : nil)
            if ended == 1 { break }
            guard ended == 0 else { throw lost() }
            try drain(waits: true)
        }
        do {
            return try collect(statement: statement, table: table).last?.changedRows ?? 0
        } catch {
            try checkCancelled()
            throw error
        }
    }

    private static let copyPiece = 1 << 18

    /// Sends what is waiting to be sent, so that memory does not hold it twice.
    private func drain(waits: Bool) throws {
        guard let pointer else { throw lost() }
        var silence = Silence()
        while true {
            let left = PQflush(pointer)
            guard left >= 0 else { throw lost() }
            if left == 0 && !waits { return }
            var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN) | Int16(POLLOUT), revents: 0)
            let ready = poll(&descriptor, 1, 1000)
            // The server may have refused the rows already; the rest is sent all the same, and then it says so.
            if ready > 0, descriptor.revents & Int16(POLLIN) != 0, PQconsumeInput(pointer) == 0 { throw lost() }
            if left == 0 { return }
            if ready <= 0 { try endure(&silence) }
        }
    }
}
