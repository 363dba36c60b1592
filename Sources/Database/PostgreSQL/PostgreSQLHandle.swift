import CLibPQ
import Foundation
import Synchronization

/// One connection to a server, made anew when it breaks. Lives on the thread of its ``PostgreSQLWorker``.
final class PostgreSQLHandle {
    let session: PostgreSQLSession
    let canceller: PostgreSQLCanceller
    private(set) var pointer: OpaquePointer?
    /// Larger than those of the connections before; as if it were another one when a pooler leads to another server.
    private(set) var connectionNumber: UInt64 = 0
    private var statements: [StatementKey: PreparedState] = [:]
    private var preparedCount = 0
    /// Whether an end of a transaction was sent whose answer nobody has read yet.
    private var awaitsEnd = false
    private var lastUse = ContinuousClock.now
    /// Whether there is a pooler, such as PgBouncer, between this end and the server.
    private var isPooled = false
    /// The server's process behind a pooler, another one for each transaction, and when that server began to run.
    private var pooledProcess: Int32?
    private var pooledStart: String?
    /// The state that the running transaction sees, or saw when it began.
    var snapshotText: String?
    /// What the server is at work on while nobody waits for it.
    var ahead: PostgreSQLAhead?
    /// Statements that go with the next one, because nobody waits for their answers.
    private var waiting: [Waiting] = []
    /// Cursors of the running transaction that are to be closed with the next statement that can take others along.
    var closing: [String] = []
    /// Whether the end of the transaction is under way, which nobody wants to be left in the dark about.
    private var isCommitting = false
    /// Whether the present user has lost interest.
    var isCancelled: @Sendable () -> Bool = { false }

    private struct StatementKey: Hashable {
        let text: String
        let types: [Oid]
    }

    private struct Waiting {
        let text: String
        let taking: ((String) -> Void)?
    }

    private enum PreparedState {
        case seenOnce, prepared(String)
    }

    /// Enough for the statements of one application; when it is full the cache starts anew.
    private static let mostStatements = 256

    var errors: PostgreSQLErrors { session.errors }
    private var patience: PostgreSQLPatience { session.patience }

    /// Connects, which blocks the calling thread.
    init(_ session: PostgreSQLSession, _ canceller: PostgreSQLCanceller) throws {
        self.session = session
        self.canceller = canceller
        try connect()
    }

    deinit { disconnect() }

    // MARK: - Connecting

    func connect() throws {
        disconnect()
        let connection = try session.connect()
        (pointer, connectionNumber) = (connection, DatabaseChangeToken.nextNumber())
        guard PQstatus(connection) == CONNECTION_OK else {
            let error = errors.openingError(String(cString: PQerrorMessage(connection))) {
                // It gives the code in place of the words, and only if it has been told before it connects.
                PQsetErrorVerbosity(connection, PQERRORS_SQLSTATE)
                PQreset(connection)
                return PostgreSQLErrors.code(in: String(cString: PQerrorMessage(connection)))
            }
            disconnect()
            throw error
        }
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        PQsetnonblocking(connection, 1)
        canceller.set(PQgetCancel(connection))
        // A pooler in between gives each transaction another connection: what a session keeps would be lost, or be
        // another client's.
        let process = try run("SELECT pg_backend_pid()").text()
        isPooled = process != String(PQbackendPID(pointer))
        if !isPooled { try run(session.preparation(isLocal: false, version: PQserverVersion(pointer))) }
    }

    func disconnect() {
        canceller.set(nil)
        if let pointer { PQfinish(pointer) }
        pointer = nil
        statements = [:]
        preparedCount = 0
        awaitsEnd = false
        ahead = nil
        (waiting, closing) = ([], [])
    }

    var isConnected: Bool { pointer.map { PQstatus($0) == CONNECTION_OK } ?? false }

    /// Whether the server has a transaction open for this connection.
    var isInTransaction: Bool {
        guard isConnected else { return false }
        let state = PQtransactionStatus(pointer)
        return state == PQTRANS_INTRANS || state == PQTRANS_INERROR || state == PQTRANS_ACTIVE
    }

    var hasFailed: Bool { PQtransactionStatus(pointer) == PQTRANS_INERROR }

    // MARK: - Transactions

    /// Begins a transaction, on a new connection if the old one has died.
    func begin(_ statement: String) throws {
        snapshotText = nil
        pooledProcess = nil
        let mayBeDead = ContinuousClock.now - lastUse > patience.trustedIdleTime
        do {
            try settle()
            if isInTransaction { rollBack() }
            if !isConnected { try connect() }
            try startTransaction(statement, within: mayBeDead ? patience.beginning : nil)
        } catch let error as DatabaseError {
            // Nothing has happened yet, so it can be tried again.
            guard patience.isRepeating, !isCancelled(), case .connectionLost = error else { throw error }
            try connect()
            try startTransaction(statement)
        }
    }

    private func startTransaction(_ statement: String, within limit: Duration? = nil, isRepeated: Bool = false) throws {
        let isFollower: Bool
        do {
            let settings = isPooled ? session.preparation(isLocal: true, version: PQserverVersion(pointer)) : ""
            let suffix = isPooled ? "; \(settings); SELECT pg_backend_pid(), pg_postmaster_start_time()" : ""
            let results = try send(statement + suffix, within: limit)
            pooledProcess = isPooled ? results.last?.text().flatMap { Int32($0) } : nil
            if isPooled, let start = results.last?.text(column: 1), start != pooledStart {
                (pooledStart, connectionNumber) = (start, DatabaseChangeToken.nextNumber())
            }
            // The snapshot comes second, if it was asked for.
            let snapshot = results.count > 1 && statement.contains(";") ? results[1] : nil
            snapshotText = snapshot?.text()
            isFollower = snapshot.map { $0.columnCount > 1 && $0.text(column: 1) == "t" } ?? false
        } catch {
            rollBack()
            guard case DatabaseError.statementFailed = error, isConnected else { throw error }
            isFollower = try run("SELECT pg_is_in_recovery()").text() == "t"
            if !isFollower {
                guard !isRepeated else { throw error }
                // It may have followed another one until just now.
                return try startTransaction(statement, within: limit, isRepeated: true)
            }
        }
        guard isFollower else { return }
        // Another one may be the primary by now, or this one later.
        disconnect()
        throw DatabaseError.unavailable(session.name, reason: "the server follows another one, and is not the primary")
    }

    func commit() throws {
        (lastUse, closing) = (.now, [])
        let tag: String
        do {
            isCommitting = true
            defer { isCommitting = false }
            tag = try run("COMMIT").tag
        } catch DatabaseError.connectionLost(let name, let reason, _) {
            throw DatabaseError.connectionLost(name, reason: reason, mayHaveCommitted: true)
        }
        guard tag == "COMMIT" else {
            throw DatabaseError.invalidStatement(
                "an earlier error ended the transaction; let that error end the closure")
        }
    }

    /// Undoes the transaction without waiting for the answer.
    func leave() {
        lastUse = .now
        dropAhead()
        (waiting, closing) = ([], [])
        guard isConnected else { return }
        guard PQtransactionStatus(pointer) == PQTRANS_INTRANS, PQsendQuery(pointer, "ROLLBACK") == 1,
            PQflush(pointer) >= 0
        else { return rollBack() }
        awaitsEnd = true
    }

    /// Undoes the transaction. An error here would hide the one that led here, and ends the connection.
    ///
    /// An interrupt that is meant for the statement before can hit this one, which then has to be repeated.
    func rollBack() {
        lastUse = .now
        dropAhead()
        (waiting, closing) = ([], [])
        for _ in 0..<10 where isInTransaction {
            do { try run("ROLLBACK") } catch is CancellationError { continue } catch { break }
        }
        if isInTransaction { disconnect() }
    }

    /// Meets what may still come of a cancellation that was meant for an earlier statement: it hits the next one.
    func absorbCancellation() {
        do {
            try settle()
            if isConnected, !hasFailed { _ = try send("SELECT 1", within: patience.beginning) }
        } catch is CancellationError {
            // It has been met.
        } catch {
            disconnect()
        }
        if isInTransaction, hasFailed { rollBack() }
    }

    func checkCancelled() throws {
        if isCancelled() { throw CancellationError() }
    }

    /// Reads what is left of the answers of the transaction before.
    private func settle() throws {
        guard awaitsEnd else { return }
        awaitsEnd = false
        do {
            while try nextResult(within: patience.beginning) != nil {}
        } catch {
            disconnect()
        }
        if isInTransaction { rollBack() }
    }

    // MARK: - Statements

    /// Runs a statement without values, and gives its last result as text.
    @discardableResult
    func run(_ text: String) throws -> PostgreSQLResult {
        let results = try send(text)
        guard let last = results.last else { throw lost("no answer came") }
        return last
    }

    /// Sends a statement without values together with the next one.
    ///
    /// - Parameter taking: is given the one text that it answers, if it answers any, when the next one is done.
    func later(_ text: String, taking: ((String) -> Void)? = nil) {
        waiting.append(Waiting(text: text, taking: taking))
    }

    /// Whether the last statement to be sent is this one, and it is not sent yet.
    func isWaiting(_ text: String) -> Bool { waiting.last?.text == text }

    /// Makes the connection ready for a statement that must go by itself.
    func clear() throws {
        try takeAhead()
        if let last = waiting.popLast() {
            // It is the one that all before it go with.
            let results = try send(last.text)
            if let text = results.last?.text() { last.taking?(text) }
        }
    }

    private func takeWaiting() -> [Waiting] {
        defer { waiting = [] }
        return closings().map { Waiting(text: $0, taking: nil) } + waiting
    }

    /// Hands over the answers of those that went before a statement; what is left is its own.
    private func own(_ results: [PostgreSQLResult], after others: [Waiting]) -> [PostgreSQLResult] {
        for (other, result) in zip(others, results) {
            if let taking = other.taking, let text = result.text() { taking(text) }
        }
        return Array(results.dropFirst(others.count))
    }

    private func send(_ text: String, within limit: Duration? = nil) throws -> [PostgreSQLResult] {
        try takeAhead()
        let others = takeWaiting()
        let all = (others.map(\.text) + [text]).joined(separator: "; ")
        guard let pointer, PQsendQuery(pointer, all) == 1 else { throw lost() }
        return own(try collect(statement: text, table: nil, within: limit), after: others)
    }

    /// Runs a statement once. One that comes again is prepared.
    func run(_ text: String, _ values: PostgreSQLValues, table: String?) throws -> PostgreSQLResult {
        try checkCancelled()
        try takeAhead()
        if !waiting.isEmpty, case .prepared(let name) = statements[StatementKey(text: text, types: values.types)] {
            return try run(name, text, values, after: takeWaiting(), table: table)
        }
        try clear()
        let name = try preparedName(text, values.types, table: table)
        guard let pointer else { throw lost() }
        let isSent = values.withArrays { addresses, lengths, formats in
            if let name {
                return PQsendQueryPrepared(pointer, name, Int32(values.count), addresses, lengths, formats, 1)
            }
            return PQsendQueryParams(pointer, text, Int32(values.count), values.types, addresses, lengths, formats, 1)
        }
        guard isSent == 1 else { throw refusal(statement: text) }
        let results = try collect(statement: text, table: table)
        guard let last = results.last else { throw lost("no answer came") }
        return last
    }

    /// The name of the statement on the server; `nil` for one that is not worth it.
    private func preparedName(
        _ text: String, _ types: [Oid], table: String?, isSure: Bool = false
    ) throws -> String? {
        if isPooled {
            guard isSure else { return nil }
            // The statement without a name lasts until the next one, which comes in the same transaction.
            guard let pointer, PQsendPrepare(pointer, "", text, Int32(types.count), types) == 1 else {
                throw refusal(statement: text)
            }
            _ = try collect(statement: text, table: table)
            return ""
        }
        let key = StatementKey(text: text, types: types)
        switch statements[key] {
        case .prepared(let name): return name
        // Temporary tables of one name may have other columns next time.
        case nil where !isSure:
            if !text.contains("pg_temp.") {
                if statements.count >= Self.mostStatements { try forgetStatements() }
                statements[key] = .seenOnce
            }
            return nil
        case nil, .seenOnce: break
        }
        preparedCount += 1
        let name = "s\(preparedCount)"
        guard let pointer, PQsendPrepare(pointer, name, text, Int32(types.count), types) == 1 else {
            throw refusal(statement: text)
        }
        _ = try collect(statement: text, table: table)
        if !text.contains("pg_temp.") { statements[key] = .prepared(name) }
        return name
    }

    private func forgetStatements() throws {
        statements = [:]
        try run("DEALLOCATE ALL")
    }

    // MARK: - Pipelines

    /// Runs statements one after the other without waiting between them. At the first error the rest is skipped.
    func runTogether(
        _ statements: [(text: String, values: PostgreSQLValues)], table: String?
    ) throws -> [PostgreSQLResult] {
        try pipeline(count: statements.count, statement: statements.first?.text ?? "", table: table) { pointer, index in
            let (text, values) = statements[index]
            return values.withArrays { addresses, lengths, formats in
                PQsendQueryParams(pointer, text, Int32(values.count), values.types, addresses, lengths, formats, 1)
            }
        }
    }

    /// Runs a prepared statement after others without values.
    private func run(
        _ name: String, _ text: String, _ values: PostgreSQLValues, after others: [Waiting], table: String?
    ) throws -> PostgreSQLResult {
        let results = try pipeline(count: others.count + 1, statement: text, table: table) { pointer, index in
            if index < others.count { return PQsendQueryParams(pointer, others[index].text, 0, nil, nil, nil, nil, 1) }
            return values.withArrays { addresses, lengths, formats in
                PQsendQueryPrepared(pointer, name, Int32(values.count), addresses, lengths, formats, 1)
            }
        }
        guard let last = own(results, after: others).last else { throw lost("no answer came") }
        return last
    }

    /// Runs one statement with each of many sets of values of the same types, and returns the number of changed rows.
    func runMany(_ text: String, _ rows: [PostgreSQLValues], table: String?) throws -> Int {
        guard let first = rows.first else { return 0 }
        try clear()
        let name = try preparedName(text, first.types, table: table, isSure: true) ?? ""
        let results = try pipeline(count: rows.count, statement: text, table: table) { pointer, index in
            rows[index].withArrays { addresses, lengths, formats in
                PQsendQueryPrepared(pointer, name, Int32(rows[index].count), addresses, lengths, formats, 1)
            }
        }
        return results.reduce(0) { $0 + $1.changedRows }
    }

    private func pipeline(
        count: Int, statement: String, table: String?, _ sendOne: (OpaquePointer, Int) -> Int32
    ) throws -> [PostgreSQLResult] {
        try checkCancelled()
        try clear()
        let closings = closings()
        guard let pointer, PQenterPipelineMode(pointer) == 1 else { throw lost() }
        for text in closings where PQsendQueryParams(pointer, text, 0, nil, nil, nil, nil, 1) != 1 { throw lost() }
        for index in 0..<count where sendOne(pointer, index) != 1 { throw lost() }
        guard PQpipelineSync(pointer) == 1 else { throw lost() }
        var results: [PostgreSQLResult] = []
        var failure: (any Error)?
        while true {
            // A null ends the results of each statement.
            guard let result = try nextResult() else {
                if !isConnected { throw failure.map(asLost) ?? lost() }
                continue
            }
            if result.status == PGRES_PIPELINE_SYNC { break }
            if result.hasFailed {
                if failure == nil, result.status != PGRES_PIPELINE_ABORTED {
                    failure = errors.error(of: result, statement: statement, table: table)
                }
                if !isConnected { break }
            } else {
                results.append(result)
            }
        }
        if isConnected { PQexitPipelineMode(pointer) }
        if let failure { throw asLost(failure) }
        return Array(results.dropFirst(closings.count))
    }

    // MARK: - Answers

    /// All results of what was sent.
    func collect(
        statement: String, table: String?, within limit: Duration? = nil
    ) throws -> [PostgreSQLResult] {
        var results: [PostgreSQLResult] = []
        var failure: (any Error)?
        while let result = try nextResult(within: limit) {
            if result.hasFailed {
                if failure == nil { failure = errors.error(of: result, statement: statement, table: table) }
                // The library gives no end to what a dead connection says.
                if !isConnected { break }
            } else {
                results.append(result)
            }
        }
        if let failure { throw asLost(failure) }
        return results
    }

    /// - Parameter limit: how long the server may say nothing; `nil` for as long as it is at work.
    func nextResult(within limit: Duration? = nil) throws -> PostgreSQLResult? {
        guard let pointer else { throw lost() }
        var silence = Silence()
        while true {
            let flushed = PQflush(pointer)
            if flushed < 0 { break }
            if flushed == 0, PQisBusy(pointer) == 0 { break }
            var descriptor = pollfd(
                fd: PQsocket(pointer), events: Int16(POLLIN) | (flushed == 1 ? Int16(POLLOUT) : 0), revents: 0)
            let ready = poll(&descriptor, 1, 1000)
            if ready > 0 {
                silence.begin = .now
                if descriptor.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0, PQconsumeInput(pointer) == 0 { break }
            } else if ready < 0, errno != EINTR {
                break
            } else {
                try endure(&silence, within: limit)
            }
        }
        lastUse = .now
        return PQgetResult(pointer).map { PostgreSQLResult($0) }
    }

    /// Ends the connection when a silence has lasted for too long.
    func endure(_ silence: inout Silence, within limit: Duration? = nil) throws {
        guard let pointer else { throw lost() }
        let now = ContinuousClock.now
        if isCancelled(), !isCommitting {
            let begin = silence.cancellation ?? now
            silence.cancellation = begin
            if now - begin > patience.cancelling { throw silent() }
        }
        guard now - silence.begin > limit ?? patience.silence else { return }
        let process = isPooled ? pooledProcess : PQbackendPID(pointer)
        if limit != nil || session.isLost(pointer, process: process) { throw silent() }
        silence.begin = .now
    }

    /// Ends the connection, as no answer will come.
    private func silent() -> DatabaseError {
        disconnect()
        return .connectionLost(
            session.name, reason: "the server does not answer, and the network does not say why",
            mayHaveCommitted: false)
    }
}
