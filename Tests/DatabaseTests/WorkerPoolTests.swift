import Synchronization
import Testing

@testable import Database

/// Pools of a server that has no connection left, or does not answer.
@Suite(.timeLimit(.minutes(10))) struct WorkerPoolTests {
    private typealias Pool = WorkerPool<FewConnections.Worker>

    private let none = DatabaseError.tooManyConnections("test")

    /// The pool of streams, of which one has the only connection, and one for reads, which has none.
    private func pools(_ server: FewConnections, patience: Duration) -> (streams: Pool, reads: Pool) {
        let membership = SharedLimit<FewConnections.Worker>.Membership(limit: SharedLimit(), server: "test", client: 1)
        func pool() -> Pool {
            Pool(limit: 4, name: "test", limitOfServer: membership, patience: patience) { try server.open() }
        }
        return (pool(), pool())
    }

    /// Until so many tasks wait.
    private func waiting(_ count: Int, in pool: Pool) async throws {
        while pool.activity.waiting < count { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func allWhoWaitInAPoolWithoutConnectionsAreTold() async throws {
        let server = FewConnections(1)
        let (streams, reads) = pools(server, patience: .milliseconds(300))
        let (stream, _) = try await streams.lease { _ in }
        let results = await withTaskGroup(of: DatabaseError?.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    do { try await reads.withWorker { _ in } } catch { return error as? DatabaseError }
                    return nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == Array(repeating: none, count: 6))
        #expect(reads.activity.inUse == 0 && reads.activity.waiting == 0)
        streams.release(stream)
        // One that nobody uses is there for the next.
        try await reads.withWorker { _ in }
        await streams.close()
        await reads.close()
        #expect(server.free == 1)
    }

    @Test(arguments: ["the stream", "another process"])
    func allWhoWaitAreServedOnceThereIsOne(givenBackBy giver: String) async throws {
        let server = FewConnections(1)
        let (streams, reads) = pools(server, patience: .seconds(600))
        let (stream, _) = try await streams.lease { _ in }
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { try await reads.withWorker { _ in try await Task.sleep(for: .milliseconds(20)) } }
            }
            try await waiting(4, in: reads)
            if giver == "the stream" { streams.release(stream) } else { server.add(1) }
            try await group.waitForAll()
        }
        if giver != "the stream" { streams.release(stream) }
        await streams.close()
        await reads.close()
        #expect(server.free == (giver == "the stream" ? 1 : 2))
    }

    @Test func whoeverWaitsWhereSomeAreLentGetsWhatTheServerHasAgain() async throws {
        let server = FewConnections(1)
        let (streams, reads) = pools(server, patience: .seconds(600))
        let (lent, _) = try await reads.lease { _ in }
        try await withThrowingTaskGroup { group in
            group.addTask { try await reads.withWorker { _ in } }
            try await waiting(1, in: reads)
            server.add(1)
            try await group.waitForAll()
        }
        reads.release(lent)
        await streams.close()
        await reads.close()
        #expect(server.free == 2)
    }

    @Test func oneFailureIsEnoughForAllWhoHaveWaitedForLong() async throws {
        let reason = DatabaseError.unavailable("test", reason: "silent")
        let attempts = Atomic(0)
        let (silence, end) = AsyncStream.makeStream(of: Never.self)
        let pool = Pool(limit: 1, name: "test", patience: .zero) {
            attempts.add(1, ordering: .relaxed)
            for await _ in silence {}
            throw reason
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
                group.addTask { await #expect(throws: reason) { try await pool.withWorker { _ in } } }
            }
            while pool.activity.waiting < 4 { try? await Task.sleep(for: .milliseconds(5)) }
            end.finish()
        }
        #expect(attempts.load(ordering: .relaxed) == 1)
        await pool.close()
    }
}

/// A server that has few connections.
private final class FewConnections: Sendable {
    private let count: Mutex<Int>

    init(_ count: Int) { self.count = Mutex(count) }

    var free: Int { count.withLock { $0 } }

    func add(_ more: Int) { count.withLock { $0 += more } }

    func open() throws -> Worker {
        try count.withLock { count in
            guard count > 0 else { throw DatabaseError.tooManyConnections("test") }
            count -= 1
        }
        return Worker(self)
    }

    final class Worker: DatabaseWorker {
        private let server: FewConnections

        init(_ server: FewConnections) { self.server = server }

        func start<T: Sendable>(_ body: @escaping @Sendable (Int) throws -> T) -> DatabaseWork<T> {
            let work = DatabaseWork<T>(ConnectionVisit(interrupt: {}))
            work.end(Result { try body(0) })
            return work
        }

        func enqueue(_ body: @escaping @Sendable (Int) -> Void) { body(0) }

        func beginReading(_ handle: Int) throws -> any OpenTransaction { throw DatabaseError.closed("test") }

        func close(then done: @escaping @Sendable () -> Void) {
            server.add(1)
            done()
        }
    }
}
