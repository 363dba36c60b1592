import Foundation
import ObjectStorage
import Synchronization

/// Runs jobs, at most `width` at a time: urgent ones first, in each priority in the order they came. Bulk jobs leave a
/// fifth of the places free, so that what is urgent need not wait for the end of something large.
final class TransferQueue: Sendable {
    struct Job: Sendable {
        let id: UUID
        let priority: TransferPriority
        /// When it is no use any more to begin.
        let deadline: ContinuousClock.Instant?
        /// Where it runs: by itself on threads that may block.
        var executor: any TaskExecutor = POSIXObjectStore.sharedPool
        let run: @Sendable () async -> Void
        /// Called instead of `run`, when the deadline has passed or the queue is closed.
        let giveUp: @Sendable (_ isClosed: Bool) -> Void
    }

    private struct State {
        var lanes: [[Job]] = [[], [], []]
        /// How many jobs of each lane were taken already.
        var heads = [0, 0, 0]
        var running: [UInt64: Task<Void, Never>] = [:]
        var started: UInt64 = 0
        var bulkRunning = 0
        var isClosed = false
        var sweeper: Task<Void, Never>?
        var idle: [CheckedContinuation<Void, Never>] = []

        var waitingCounts: [Int] { (0..<3).map { lanes[$0].count - heads[$0] } }
    }

    private let width: Int
    private let bulkWidth: Int
    private let state = Mutex(State())

    init(width: Int) {
        self.width = max(1, width)
        bulkWidth = max(1, width - max(1, width / 5))
    }

    deinit { state.withLock { $0.sweeper?.cancel() } }

    var runningCount: Int { state.withLock { $0.running.count } }

    /// Waiting jobs by priority.
    var waitingCounts: [Int] { state.withLock { $0.waitingCounts } }

    func submit(_ job: Job) {
        let isClosed = state.withLock { state in
            guard !state.isClosed else { return true }
            state.lanes[job.priority.lane].append(job)
            if job.deadline != nil, state.sweeper == nil { state.sweeper = Task { await self.sweep() } }
            pump(&state)
            return false
        }
        if isClosed { job.giveUp(true) }
    }

    private func pump(_ state: inout State) {
        while state.running.count < width, let job = next(&state) {
            let isBulk = job.priority == .bulk
            if isBulk { state.bulkRunning += 1 }
            state.started += 1
            let key = state.started
            state.running[key] = Task(executorPreference: job.executor) {
                await job.run()
                self.ended(key, isBulk)
            }
        }
    }

    private func next(_ state: inout State) -> Job? {
        for lane in 0..<3 where state.heads[lane] < state.lanes[lane].count {
            if lane == TransferPriority.bulk.lane, state.bulkRunning >= bulkWidth { return nil }
            let head = state.heads[lane]
            let job = state.lanes[lane][head]
            state.heads[lane] += 1
            if head + 1 == state.lanes[lane].count {
                state.lanes[lane].removeAll(keepingCapacity: true)
                state.heads[lane] = 0
            } else if head >= 1024, head * 2 > state.lanes[lane].count {
                state.lanes[lane].removeFirst(head + 1)
                state.heads[lane] = 0
            }
            return job
        }
        return nil
    }

    private func ended(_ key: UInt64, _ isBulk: Bool) {
        let idle = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.running[key] = nil
            if isBulk { state.bulkRunning -= 1 }
            pump(&state)
            guard state.running.isEmpty else { return [] }
            defer { state.idle = [] }
            return state.idle
        }
        for waiter in idle { waiter.resume() }
    }

    /// Gives up jobs whose time has passed, four times a second while there are any.
    private func sweep() async {
        var isTimed = true
        while isTimed, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(250))
            let late = state.withLock { state -> [Job] in
                let late = takeLate(&state)
                isTimed = state.lanes.indices.contains { lane in
                    state.lanes[lane][state.heads[lane]...].contains { $0.deadline != nil }
                }
                if !isTimed { state.sweeper = nil }
                return late
            }
            for job in late { job.giveUp(false) }
        }
    }

    private func takeLate(_ state: inout State) -> [Job] {
        let now = ContinuousClock.now
        func isLate(_ job: Job) -> Bool { job.deadline.map { $0 <= now } ?? false }
        var all: [Job] = []
        for lane in 0..<3 {
            let waiting = state.lanes[lane][state.heads[lane]...]
            let late = waiting.filter(isLate)
            guard !late.isEmpty else { continue }
            all += late
            state.lanes[lane] = waiting.filter { !isLate($0) }
            state.heads[lane] = 0
        }
        return all
    }

    /// Gives up all waiting jobs and takes no more.
    func close() {
        let waiting = state.withLock { state -> [Job] in
            state.isClosed = true
            defer { (state.lanes, state.heads) = ([[], [], []], [0, 0, 0]) }
            return (0..<3).flatMap { state.lanes[$0][state.heads[$0]...] }
        }
        for job in waiting { job.giveUp(true) }
    }

    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if !state.running.isEmpty { state.idle.append(continuation) }
                return state.running.isEmpty
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Ends what is running.
    func cancelRunning() { for task in state.withLock({ Array($0.running.values) }) { task.cancel() } }
}
