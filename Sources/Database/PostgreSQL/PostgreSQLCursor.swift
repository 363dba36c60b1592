import CLibPQ

/// The rows of a statement: all at once, or in batches out of a cursor on the server.
final class PostgreSQLCursor: DatabaseCursor {
    let row: any DatabaseRow
    private let position = PostgreSQLRow()
    private var result: PostgreSQLResult
    private var next = 0
    /// How many rows the last batch was asked to have; `nil` when there is no other.
    private var batchSize: Int?
    private let fetch: (Int) throws -> PostgreSQLResult
    private(set) var isFinished = false

    /// How many rows are fetched with the statement itself.
    static let firstBatch = 200
    /// The memory that a batch may take, about.
    private static let batchMemory = 1 << 20
    private static let largestBatch = 10_000

    /// All rows, in memory.
    init(_ result: PostgreSQLResult) {
        self.result = result
        batchSize = nil
        fetch = { _ in result }
        row = position
    }

    /// - Parameters:
    ///   - first: the first ``firstBatch`` rows, or all if there are fewer.
    ///   - fetch: gets at most so many more.
    init(first: PostgreSQLResult, fetch: @escaping (Int) throws -> PostgreSQLResult) {
        result = first
        batchSize = Self.firstBatch
        self.fetch = fetch
        row = position
    }

    func step() throws -> Bool {
        guard !isFinished else { return false }
        if next >= result.rowCount {
            guard let batchSize, result.rowCount == batchSize else { return false }
            let perRow = max(1, Int(PQresultMemorySize(result.pointer)) / batchSize)
            let size = min(Self.largestBatch, max(Self.firstBatch, Self.batchMemory / perRow))
            result = try fetch(size)
            self.batchSize = size
            next = 0
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
    }
}
