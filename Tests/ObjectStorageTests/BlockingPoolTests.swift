import Dispatch
import Synchronization
import Testing

@testable import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Tasks that run on the threads of a pool as a whole.
@Suite struct BlockingPoolTests {
    private let pool = BlockingPool(label: "test", width: 2)

    private final class Shared: Sendable {
        let waiting = Mutex<CheckedContinuation<Void, Never>?>(nil)
        let count = Mutex(0)
    }

    private static func thread() -> String { "\(pthread_self())" }

    @Test func blockingWorkOfATaskOnThePoolStaysOnItsThread() async throws {
        let pool = pool
        let isSame = try await Task(executorPreference: pool) {
            let before = Self.thread()
            let inside = try await pool.run { Self.thread() }
            return before == inside && inside == Self.thread()
        }.value
        #expect(isSame)
    }

    @Test func aTaskThatWasWokenDoesNotWaitForTheBlockingWorkOfTheOneThatWokeIt() async throws {
        let (pool, gate) = (pool, DispatchSemaphore(value: 0))
        let shared = Shared()
        let woken = Task(executorPreference: pool) {
            await withCheckedContinuation { continuation in shared.waiting.withLock { $0 = continuation } }
            gate.signal()
        }
        while shared.waiting.withLock({ $0 == nil }) { await Task.yield() }
        let isDone = try await Task(executorPreference: pool) {
            shared.waiting.withLock { $0?.resume() }
            // The other thread of the pool is free for it.
            return try await pool.run { gate.wait(timeout: .now() + 60) == .success }
        }.value
        #expect(isDone)
        await woken.value
    }

    @Test func manyTasksWakeEachOther() async {
        let pool = pool
        let shared = Shared()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 {
                group.addTask(executorPreference: pool) {
                    for _ in 0..<5 {
                        await Task(executorPreference: pool) { shared.count.withLock { $0 += 1 } }.value
                        await Task.yield()
                    }
                }
            }
        }
        #expect(shared.count.withLock { $0 } == 2500)
    }

    @Test func cancelledTasksOnThePoolDoNotStartTheirWork() async {
        let pool = pool
        let task = Task(executorPreference: pool) {
            while !Task.isCancelled { await Task.yield() }
            try await pool.run { Issue.record("it was started") }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
