import Serving
import Synchronization
import Testing

@testable import ButlerServer

@Suite struct FairStreamQueueTests {
    /// Users in the order of their turns.
    private final class Order: Sendable {
        let users = Mutex<[String]>([])
    }

    /// Waits until so many queries are in the queue.
    private func waitFor(_ count: Int, in queue: FairStreamQueue) async throws {
        for _ in 0..<20_000 where queue.waitingCount != count { try await Task.sleep(for: .milliseconds(5)) }
        #expect(queue.waitingCount == count)
    }

    @Test func usersTakeTurnsHoweverManyEachHasWaiting() async throws {
        let queue = FairStreamQueue(
            QueueLimits(running: 1, runningPerUser: 1, patience: .seconds(3600), userPatience: .seconds(3600)))
        let order = Order()
        let first = try await queue.permit(for: "ann")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, user) in ["ann", "ann", "ann", "bob", "eve"].enumerated() {
                group.addTask {
                    let permit = try await queue.permit(for: user)
                    order.users.withLock { $0.append(user) }
                    permit.end()
                }
                try await waitFor(index + 1, in: queue)
            }
            first.end()
            try await group.waitForAll()
        }
        #expect(order.users.withLock { $0 } == ["ann", "bob", "eve", "ann", "ann"])
        #expect(queue.runningCount == 0)
    }

    @Test func aUserAtTheLimitDoesNotKeepOthersWaiting() async throws {
        let queue = FairStreamQueue(
            QueueLimits(running: 3, runningPerUser: 1, patience: .seconds(3600), userPatience: .seconds(3600)))
        let held = try await queue.permit(for: "ann")
        async let second = queue.permit(for: "ann")
        try await waitFor(1, in: queue)
        let other = try await queue.permit(for: "bob")
        #expect(queue.waitingCount == 1)
        held.end()
        try await second.end()
        other.end()
        #expect(queue.runningCount == 0)
    }

    @Test(arguments: [
        // Running, waiting user, status.
        (1, "bob", 503), (1, "ann", 503), (2, "ann", 429),
    ])
    func whoWaitsTooLongIsSentAway(running: Int, user: String, status: Int) async throws {
        // Those who wait for the other time limit would be here for ever.
        let isOwnFault = status == 429
        let queue = FairStreamQueue(
            QueueLimits(
                running: running, runningPerUser: 1, patience: isOwnFault ? .seconds(1 << 30) : .milliseconds(50),
                userPatience: isOwnFault ? .milliseconds(50) : .seconds(1 << 30)))
        let held = try await queue.permit(for: "ann")
        let failure = await #expect(throws: HTTPFailure.self) { try await queue.permit(for: user) }
        #expect(failure?.status.code == status)
        #expect(failure?.headers[.retryAfter] == "5")
        #expect(queue.waitingCount == 0)
        held.end()
    }

    @Test func aFullQueueSendsAwayAtOnce() async throws {
        let queue = FairStreamQueue(
            QueueLimits(running: 1, waiting: 2, waitingPerUser: 1, patience: .seconds(3600), userPatience: .seconds(3600)))
        let held = try await queue.permit(for: "ann")
        let waiting = ["ann", "bob"].map { user in Task { try await queue.permit(for: user) } }
        try await waitFor(2, in: queue)
        for user in ["ann", "eve"] {
            await #expect(throws: HTTPFailure.self) { try await queue.permit(for: user) }
        }
        // Whoever gives up leaves the queue.
        for task in waiting { task.cancel() }
        for task in waiting { _ = await task.result }
        #expect(queue.waitingCount == 0)
        held.end()
        #expect(queue.runningCount == 0)
    }
}
