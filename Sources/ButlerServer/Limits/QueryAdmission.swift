import CoreMetrics
import NIOCore
import Query
import Serving
import Synchronization

/// Lets queries run within the limits, and measures them.
struct QueryAdmission: Sendable {
    let limits: QueryLimits
    let streams: any StreamAdmission
    /// Queries that are answered at once. They leave connections to lookups.
    private let others: any StreamAdmission
    private let metrics: ServiceMetrics

    init(_ limits: QueryLimits, _ metrics: ServiceMetrics) {
        self.limits = limits
        self.metrics = metrics
        let streams = FairStreamQueue(limits.queue) { metrics.refused($0) }
        let running = max(1, limits.readConnections / 2)
        let others = FairStreamQueue(
            QueueLimits(
                running: running, runningPerUser: running, waiting: 8 * max(limits.queue.waiting, 1),
                waitingPerUser: 8 * max(limits.queue.waitingPerUser, 1), patience: .seconds(30),
                userPatience: .seconds(30))
        ) { metrics.refused($0) }
        self.streams = streams
        self.others = others
        let registry = metrics.registry
        registry.describe("butler_rows_total", "Rows in results of streamed queries.")
        registry.describe("butler_queries_ended_total", "Streamed queries by the way they ended.")
        registry.observe("butler_streams_running", "Streamed queries that run.") { Double(streams.runningCount) }
        registry.observe("butler_streams_waiting", "Streamed queries that wait for their turn.") {
            Double(streams.waitingCount)
        }
        registry.observe("butler_counts_running", "Other queries that run.") { Double(others.runningCount) }
        registry.observe("butler_counts_waiting", "Other queries that wait for their turn.") {
            Double(others.waitingCount)
        }
    }

    /// Runs a query that is answered at once. It is cancelled, also in the middle of a statement, when it takes too long
    /// or its client goes away.
    ///
    /// - Throws: `HTTPFailure` 429 or 503 while too many run; `StreamLimitExceeded`.
    func run<Result: Sendable>(
        _ call: ButlerRoutes.Call, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let permit = try await others.permit(for: call.requester.user)
        defer { permit.end() }
        return try await limited(call, body)
    }

    /// Looks something up that may take long. It is cancelled like a query, and waits for no others.
    ///
    /// - Throws: `StreamLimitExceeded`.
    func lookup<Result: Sendable>(
        _ call: ButlerRoutes.Call, _ body: @escaping @Sendable (any RepositoryView) throws -> Result
    ) async throws -> Result {
        let repository = call.repository
        return try await limited(call) { try await repository.read(body) }
    }

    /// The same for what needs the collections and dataset types alone.
    func catalogLookup<Result: Sendable>(
        _ call: ButlerRoutes.Call, _ body: @escaping @Sendable (any CatalogView) throws -> Result
    ) async throws -> Result {
        let repository = call.repository
        return try await limited(call) { try await repository.readCatalog(body) }
    }

    private func limited<Result: Sendable>(
        _ call: ButlerRoutes.Call, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let time = limits.stream.time
        let timed: @Sendable () async throws -> Result = {
            guard let time else { return try await body() }
            return try await withThrowingTaskGroup(of: Result.self) { group in
                group.addTask { try await body() }
                group.addTask {
                    try await Task.sleep(for: time)
                    throw StreamLimitExceeded.time(time)
                }
                defer { group.cancelAll() }
                guard let result = try await group.next() else { throw CancellationError() }
                return result
            }
        }
        guard let connection = call.context.connection else { return try await timed() }
        return try await connection.cancellingOnEnd(timed)
    }

    /// The lines of a streamed query, counted.
    func measured<Base: AsyncSequence & Sendable>(_ lines: Base, _ call: ButlerRoutes.Call) -> MeasuredLines<Base>
    where Base.Element == ResultLine {
        let label = call.served.label
        let rows = Counter(
            label: "butler_rows_total", dimensions: [("repository", label)], factory: metrics.registry)
        return MeasuredLines(base: lines, limit: limits.rows, rows: rows) { [metrics] outcome in
            Counter(
                label: "butler_queries_ended_total", dimensions: [("repository", label), ("outcome", outcome)],
                factory: metrics.registry
            ).increment()
        }
    }
}

/// The bytes of lines. Counts their rows, and stops at a limit.
struct MeasuredLines<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element == ResultLine {
    typealias Element = ByteBuffer
    let base: Base
    let limit: Int?
    let rows: Counter
    let onEnd: @Sendable (String) -> Void

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: base.makeAsyncIterator(), limit: limit, rows: rows, ending: Ending(onEnd))
    }

    /// Tells once how the iteration ended, at the latest when it is given up.
    fileprivate final class Ending {
        private var onEnd: ((String) -> Void)?

        init(_ onEnd: @escaping (String) -> Void) { self.onEnd = onEnd }
        deinit { report("cancelled") }

        func report(_ outcome: String) {
            onEnd?(outcome)
            onEnd = nil
        }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: Base.AsyncIterator
        fileprivate let limit: Int?
        fileprivate let rows: Counter
        fileprivate let ending: Ending
        fileprivate var count = 0

        mutating func next() async throws -> ByteBuffer? {
            do {
                guard let line = try await base.next() else {
                    ending.report("complete")
                    return nil
                }
                count += line.rowCount
                if let limit, count > limit { throw TooManyRows(limit: limit) }
                rows.increment(by: line.rowCount)
                return line.text.withUnsafeBytes { ByteBuffer(bytes: $0) }
            } catch {
                ending.report(error is CancellationError ? "cancelled" : "error")
                throw error
            }
        }
    }
}
