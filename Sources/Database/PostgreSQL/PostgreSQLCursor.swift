import CLibPQ

/// The rows of a statement: all at once, or in batches out of a cursor on the server.
final class PostgreSQLCursor: DatabaseCursor {
    let row: any DatabaseRow
    private let position = PostgreSQLRow()
    private var result: PostgreSQLResult
    private var next = 0
    /// Where more rows come from, if there may be more: the server's cursor is open for as long.
    private var source: Source?
    /// How many rows the next batch is asked to have.
    private var batchSize = 0
    /// The next batch, if the server makes it already.
    private var ahead: PostgreSQLAhead?
    private(set) var isFinished = false
    private var isLost = false

    /// A cursor on the server.
    struct Source {
        let handle: PostgreSQLHandle
        let name: String
        /// Whether the server makes a batch while the one before is used.
        let readsAhead: Bool
    }

    /// How many rows are fetched with the statement itself.
    static let firstBatch = 200
    /// The memory that a batch may take, about. One that the buffers of a connection hold lets the server go on with the
    /// next while this one is used; it fits into a processor's cache, too.
    private static let batchMemory = 1 << 18
    private static let largestBatch = 10_000

    /// All rows, in memory.
    init(_ result: PostgreSQLResult) {
        self.result = result
        row = position
    }

    /// - Parameters:
    ///   - first: the first ``firstBatch`` rows, or all if there are fewer.
    ///   - source: where the others are.
    init(first: PostgreSQLResult, then source: Source) throws {
        result = first
        row = position
        self.source = source
        try prepare(after: Self.firstBatch)
    }

    /// Looks forward to the batch after this one, which was asked to have so many rows.
    private func prepare(after size: Int) throws {
        guard let source, result.rowCount == size else { return close() }
        let perRow = max(1, Int(PQresultMemorySize(result.pointer)) / size)
        batchSize = min(Self.largestBatch, max(Self.firstBatch, Self.batchMemory / perRow))
        if source.readsAhead { ahead = try source.handle.sendAhead(fetch(source)) }
    }

    private func fetch(_ source: Source) -> String { "FETCH FORWARD \(batchSize) FROM \(source.name)" }

    func step() throws -> Bool {
        guard !isFinished else { return false }
        if next >= result.rowCount {
            guard let source else { return false }
            result =
                try ahead.map { try source.handle.answer(of: $0) }
                ?? source.handle.run(fetch(source), try PostgreSQLValues([]), table: nil)
            ahead = nil
            next = 0
            try prepare(after: batchSize)
            if result.rowCount == 0 { return false }
        }
        position.stand(at: next, of: result)
        next += 1
        return true
    }

    func finish() {
        guard !isFinished else { return }
        isFinished = true
        position.invalidate()
        close()
    }

    private func close() {
        if let source, !isLost { source.handle.closing.append(source.name) }
        source = nil
    }

    /// The server has closed its cursor, because it has undone what made it.
    func lose() { isLost = true }
}

extension PostgreSQLHandle {
    /// What closes the cursors that are to be closed. None in a transaction that has failed: there it would stand in the
    /// way of what undoes that.
    func closings() -> [String] {
        defer { closing = [] }
        guard let pointer, PQtransactionStatus(pointer) == PQTRANS_INTRANS else { return [] }
        return closing.map { "CLOSE \($0)" }
    }
}
