import Dispatch
import Synchronization

/// One connection with the thread that serves it.
final class PostgreSQLWorker: DatabaseWorker, @unchecked Sendable {
    private let queue: DispatchQueue
    private let canceller: PostgreSQLCanceller
    /// What the server is like; the client's first worker finds out.
    let server: PostgreSQLServer
    /// Safe to share as it is used on `queue` only, which runs one block at a time.
    private var handle: PostgreSQLHandle?
    private let name: String

    /// Connects, which blocks the calling thread.
    ///
    /// - Parameter server: gives what the server is like, by a first look through the connection if need be.
    init(
        _ session: PostgreSQLSession, server: (PostgreSQLHandle) throws -> PostgreSQLServer
    ) throws {
        let canceller = PostgreSQLCanceller()
        let handle = try PostgreSQLHandle(session, canceller)
        self.server = try server(handle)
        self.canceller = canceller
        self.handle = handle
        name = session.name
        queue = DispatchQueue(label: "database.connection")
    }

    func start<T: Sendable>(_ body: @escaping @Sendable (PostgreSQLHandle) throws -> T) -> DatabaseWork<T> {
        let visit = ConnectionVisit(interrupt: { [canceller] in canceller.cancel() })
        let work = DatabaseWork<T>(visit)
        queue.async { work.end(Result { try self.run(visit, body) }) }
        return work
    }

    func enqueue(_ body: @escaping @Sendable (PostgreSQLHandle) -> Void) {
        queue.async { [self] in
            if let handle { body(handle) }
        }
    }

    private func run<T>(_ visit: ConnectionVisit, _ body: (PostgreSQLHandle) throws -> T) throws -> T {
        guard visit.begin() else { throw CancellationError() }
        defer {
            visit.end()
            switch canceller.endTurn() {
            case .unused: break
            case .arrived: handle?.absorbCancellation()
            // It would hit somebody else's statement.
            case .late: handle?.disconnect()
            }
        }
        guard let handle else { throw DatabaseError.closed(name) }
        handle.isCancelled = { visit.isCancelled }
        defer { handle.isCancelled = { false } }
        do {
            return try body(handle)
        } catch {
            if visit.isCancelled { throw CancellationError() }
            if error is CancellationError {
                throw DatabaseError.statementFailed(
                    reason: "the server ended it, because of statement_timeout or an administrator", statement: "",
                    database: name)
            }
            throw error
        }
    }

    func beginReading(_ handle: PostgreSQLHandle) throws -> any OpenTransaction {
        try PostgreSQLTransaction.begin(handle, server, isWriteable: false)
    }

    func close() throws {
        queue.sync {
            handle?.disconnect()
            handle = nil
        }
    }
}
