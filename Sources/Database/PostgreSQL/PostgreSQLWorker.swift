/// One connection with the thread that serves it.
final class PostgreSQLWorker: DatabaseWorker, @unchecked Sendable {
    private let thread: ConnectionThread
    private let canceller: PostgreSQLCanceller
    /// What the server is like; the client's first worker finds out.
    let server: PostgreSQLServer
    /// Safe to share as it is used on `thread` only.
    private var handle: PostgreSQLHandle?
    private let name: String

    /// Connects, on the thread of the new connection.
    ///
    /// - Parameter server: gives what the server is like, by a first look through the connection if need be.
    static func connect(
        _ session: PostgreSQLSession, server: @escaping @Sendable (PostgreSQLHandle) throws -> PostgreSQLServer
    ) async throws -> PostgreSQLWorker {
        let thread = try ConnectionThread(for: session.name)
        return try await withCheckedThrowingContinuation { continuation in
            thread.run {
                continuation.resume(with: Result { try PostgreSQLWorker(session, on: thread, server: server) })
            }
        }
    }

    private init(
        _ session: PostgreSQLSession, on thread: ConnectionThread, server: (PostgreSQLHandle) throws -> PostgreSQLServer
    ) throws {
        let canceller = PostgreSQLCanceller()
        let handle = try PostgreSQLHandle(session, canceller)
        self.server = try server(handle)
        self.canceller = canceller
        self.handle = handle
        name = session.name
        self.thread = thread
    }

    func start<T: Sendable>(_ body: @escaping @Sendable (PostgreSQLHandle) throws -> T) -> DatabaseWork<T> {
        let visit = ConnectionVisit(interrupt: { [canceller] in canceller.cancel() })
        let work = DatabaseWork<T>(visit)
        let isTaken = thread.run { work.end(Result { try self.run(visit, body) }) }
        if !isTaken { work.end(.failure(DatabaseError.closed(name))) }
        return work
    }

    func enqueue(_ body: @escaping @Sendable (PostgreSQLHandle) -> Void) {
        thread.run { [self] in
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

    func close(then done: @escaping @Sendable () -> Void) {
        let isTaken = thread.run { [self] in
            handle?.disconnect()
            handle = nil
            done()
        }
        thread.end()
        if !isTaken { done() }
    }
}
