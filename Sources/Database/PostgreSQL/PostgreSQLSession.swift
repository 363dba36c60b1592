import CLibPQ
import Foundation

/// What all connections of a client have in common.
struct PostgreSQLSession: Sendable {
    let parameters: PostgreSQLParameters
    let errors: PostgreSQLErrors
    let patience: PostgreSQLPatience

    var name: String { errors.name }

    init(_ url: DatabaseURL, busyTimeout: Duration, _ patience: PostgreSQLPatience) {
        self.patience = patience
        parameters = PostgreSQLParameters(url)
        errors = PostgreSQLErrors(name: parameters.displayName, busyTimeout: busyTimeout)
    }

    /// What each new connection is told. Compiling plans to machine code costs these queries more than it saves; streams
    /// are read to the end, so plans are chosen for all rows. How often keys come again is taken for more than it is
    /// where a key has several columns, so tables are not looked up row by row to remember what was found.
    private func settings(version: Int32) -> [String] {
        let (seconds, attoseconds) = errors.busyTimeout.components
        let milliseconds = max(1, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        return [
            "lock_timeout = \(min(milliseconds, Int64(Int32.max)))", "TIME ZONE 0", "cursor_tuple_fraction = 1",
            "jit = off", "client_min_messages = error", "standard_conforming_strings = on",
        ] + Self.limitsOfTheServer(version) + (version >= 140_000 ? ["enable_memoize = off"] : [])
    }

    /// How soon the server ends a session whose client has fallen silent, with the locks that it holds: without these, after
    /// the two hours of the operating system. They mean nothing for connections that are no network's.
    private static func limitsOfTheServer(_ version: Int32) -> [String] {
        ["tcp_keepalives_idle = 20", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3"]
            + (version >= 120_000 ? ["tcp_user_timeout = 50000"] : [])
    }

    /// The settings for a session, or for the transaction that has just begun.
    ///
    /// - Parameter version: of the server: 150004.
    func preparation(isLocal: Bool, version: Int32) -> String {
        var statements = settings(version: version).map { (isLocal ? "SET LOCAL " : "SET ") + $0 }
        if version >= 140_000 {
            // A session that works, or waits for a lock, does not see that its client is gone unless it looks. Not all systems
            // let it look.
            statements.append(
                "SELECT set_config('client_connection_check_interval', '10s', \(isLocal)) WHERE version() LIKE '%linux%'")
        }
        return statements.joined(separator: "; ")
    }

    // MARK: - Connecting

    /// A new connection, made or failed, for the caller to end. Blocks for as long as the parameters allow.
    ///
    /// - Parameter additions: further parameters, which win.
    func connect(_ additions: [(name: String, value: String)] = []) throws(DatabaseError) -> OpaquePointer {
        if let problem = steward_libpq_problem() {
            throw .cannotOpen(name, reason: String(cString: problem))
        }
        let complete = parameters.limited(by: patience, among: parameters.inEffect()).adding(additions)
        let connection = complete.withArrays { names, values in PQconnectdbParams(names, values, 0) }
        guard let connection else { throw errors.openingError("out of memory") }
        return connection
    }

    // MARK: - Silent servers

    /// Asks the server that a connection leads to, through another one, whether what is awaited there is lost: it cannot
    /// be reached, or does not work for the connection. One that answers, but not that, may be at work: it tells nothing of
    /// what processes do for another user (NULL), or for one who has switched that off (`disabled`).
    ///
    /// - Parameter process: the server's process that works for the connection; `nil` when it is not known.
    func isLost(_ connection: OpaquePointer, process: Int32?) -> Bool {
        func text(_ value: UnsafeMutablePointer<CChar>?) -> String { value.map { String(cString: $0) } ?? "" }
        // Of several servers that the parameters name it must be the same; an empty value leaves them as they are.
        let place = [
            ("host", text(PQhost(connection))), ("hostaddr", text(PQhostaddr(connection))),
            ("port", text(PQport(connection))), ("target_session_attrs", "any"),
        ]
        guard let asking = try? connect(place) else { return false }
        defer { PQfinish(asking) }
        guard PQstatus(asking) == CONNECTION_OK else {
            // It may refuse, because it has no connection left, and be at work all the same.
            return !PostgreSQLErrors.isOfServer(String(cString: PQerrorMessage(asking)))
        }
        guard let process, PQsetnonblocking(asking, 1) == 0,
            PQsendQuery(
                asking, """
                SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = \(process) AND (state LIKE 'idle%') IS NOT TRUE
                """) == 1
        else { return false }
        let deadline = ContinuousClock.now + patience.question
        while PQflush(asking) == 1 || PQisBusy(asking) == 1 {
            var descriptor = pollfd(fd: PQsocket(asking), events: Int16(POLLIN), revents: 0)
            let ready = poll(&descriptor, 1, 500)
            if ready > 0, PQconsumeInput(asking) == 0 { return false }
            // A pooler may have no connection for the question.
            if ContinuousClock.now > deadline { return false }
        }
        guard let result = PQgetResult(asking).map({ PostgreSQLResult($0) }) else { return false }
        return result.status == PGRES_TUPLES_OK && result.rowCount == 0
    }
}
