import Foundation
import ObjectStorage
import Synchronization

/// Where a file goes.
struct TransferPlace: Hashable, Sendable {
    let destination: String
    let location: S3Location
}

/// Runs jobs, at most `width` at a time: urgent ones first, in each priority in the order they came. Bulk jobs leave a
/// fifth of the places free, so that what is urgent need not wait for the end of something large.
///
/// One file at a time is sent to a place: two that go to one key would end each other's uploads in parts, and which of them
/// stays would be a matter of luck. Others wait in the order they came, and take nobody's turn meanwhile.
final class TransferQueue: Sendable {
    struct Job: Sendable {
        let id: UUID
        let priority: TransferPriority
        /// When it is no use any more to begin.
        let deadline: ContinuousClock.Instant?
        let place: TransferPlace?
        /// Where it runs: by itself on threads that may block.
        let executor: any TaskExecutor
        let run: @Sendable () async -> Void
        /// Called instead of `run`, when the deadline has passed or the queue is closed.
        let giveUp: @Sendable (_ isClosed: Bool) -> Void
        /// Whether its place is kept for it.
        fileprivate var hasPlace = false

        init(
            id: UUID, priority: TransferPriority, deadline: ContinuousClock.Instant?, place: TransferPlace? = nil,
            executor: any TaskExecutor = POSIXObjectStore.sharedPool, run: @escaping @Sendable () async -> Void,
            giveUp: @escaping @Sendable (_ isClosed: Bool) -> Void
        ) {
            (self.id, self.priority, self.deadline) = (id, priority, deadline)
            (self.place, self.executor, self.run, self.giveUp) = (place, executor, run, giveUp)
        }
    }

    private struct State {
        var lanes: [[Job]] = [[], [], []]
        /// How many jobs of each lane were taken already.
        var heads = [0, 0, 0]
        var running: [UInt64: Task<Void, Never>] = [:]
        /// Where files are sent to now, with the jobs that had their turn meanwhile and wait for the place.
        var busy: [TransferPlace: [Job]] = [:]
        var started: UInt64 = 0
        var bulkRunning = 0
        var isClosed = false
        var sweeper: Task<Void, Never>?
        var idle: [CheckedContinuation<Void, Never>] = []

        var waitingCounts: [Int] {
            var counts = (0..<3).map { lanes[$0].count - heads[$0] }
            for job in busy.values.joined() { counts[job.priority.lane] += 1 }
            return counts
        }
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
                self.ended(key, job)
            }
        }
    }

    private func next(_ state: inout State) -> Job? {
        while let job = nextInTurn(&state) {
            guard let place = job.place, !job.hasPlace else { return job }
            if state.busy[place]?.append(job) == nil {
                state.busy[place] = []
                return job
            }
        }
        return nil
    }

    private func nextInTurn(_ state: inout State) -> Job? {
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

    private func ended(_ key: UInt64, _ job: Job) {
        let idle = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.running[key] = nil
            if job.priority == .bulk { state.bulkRunning -= 1 }
            if let place = job.place { free(place, &state) }
            pump(&state)
            guard state.running.isEmpty else { return [] }
            defer { state.idle = [] }
            return state.idle
        }
        for waiter in idle { waiter.resume() }
    }

    /// Gives a place to the first who waits for it.
    private func free(_ place: TransferPlace, _ state: inout State) {
        guard state.busy[place]?.isEmpty == false, var first = state.busy[place]?.removeFirst() else {
            state.busy[place] = nil
            return
        }
        first.hasPlace = true
        // Those behind it may be more urgent.
        let lanes = (state.busy[place] ?? []).map(\.priority.lane)
        putFirst(first, lane: min(first.priority.lane, lanes.min() ?? first.priority.lane), &state)
    }

    /// Gives a job the next turn of its lane.
    private func putFirst(_ job: Job, lane: Int, _ state: inout State) {
        if state.heads[lane] > 0 {
            state.heads[lane] -= 1
            state.lanes[lane][state.heads[lane]] = job
        } else {
            state.lanes[lane].insert(job, at: 0)
        }
    }

    /// Gives up jobs whose time has passed, four times a second while there are any.
    private func sweep() async {
        var isTimed = true
        while isTimed, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(250))
            let late = state.withLock { state -> [Job] in
                let late = takeLate(&state)
                pump(&state)
                isTimed = state.lanes.indices.contains { lane in
                    state.lanes[lane][state.heads[lane]...].contains { $0.deadline != nil }
                } || state.busy.values.joined().contains { $0.deadline != nil }
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
        for (place, others) in state.busy where others.contains(where: isLate) {
            all += others.filter(isLate)
            state.busy[place] = others.filter { !isLate($0) }
        }
        for case (true, let place?) in all.map({ ($0.hasPlace, $0.place) }) { free(place, &state) }
        return all
    }

    /// Gives up all waiting jobs and takes no more.
    func close() {
        let waiting = state.withLock { state -> [Job] in
            state.isClosed = true
            defer {
                (state.lanes, state.heads) = ([[], [], []], [0, 0, 0])
                for place in state.busy.keys { state.busy[place] = [] }
            }
            return (0..<3).flatMap { state.lanes[$0][state.heads[$0]...] } + state.busy.values.joined()
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
