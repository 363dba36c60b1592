import Foundation

/// Runs jobs, at most `width` at a time: urgent ones first, in each priority in the order they came. Bulk jobs leave a
/// fifth of the places free, so that what is urgent need not wait for the end of something large.
actor TransferQueue {
    struct Job: Sendable {
        let id: UUID
        let priority: TransferPriority
        /// When it is no use any more to begin.
        let deadline: ContinuousClock.Instant?
        let run: @Sendable () async -> Void
        /// Called instead of `run`, when the deadline has passed or the queue is closed.
        let giveUp: @Sendable (_ isClosed: Bool) -> Void
    }

    private let width: Int
    private let bulkWidth: Int
    private var lanes: [[Job]] = [[], [], []]
    /// How many jobs of each lane were taken already.
    private var heads = [0, 0, 0]
    private var running: [UUID: Task<Void, Never>] = [:]
    private var bulkRunning = 0
    private var isClosed = false
    private var sweeper: Task<Void, Never>?
    private var idle: [CheckedContinuation<Void, Never>] = []

    init(width: Int) {
        self.width = max(1, width)
        bulkWidth = max(1, width - max(1, width / 5))
    }

    deinit { sweeper?.cancel() }

    var runningCount: Int { running.count }

    /// Waiting jobs by priority.
    var waitingCounts: [Int] { (0..<3).map { lanes[$0].count - heads[$0] } }

    func submit(_ job: Job) {
        guard !isClosed else { return job.giveUp(true) }
        lanes[job.priority.lane].append(job)
        if job.deadline != nil, sweeper == nil { sweeper = Task { await self.sweep() } }
        pump()
    }

    private func pump() {
        while running.count < width, let job = next() {
            let isBulk = job.priority == .bulk
            if isBulk { bulkRunning += 1 }
            let key = UUID()
            running[key] = Task {
                await job.run()
                ended(key, isBulk)
            }
        }
    }

    private func next() -> Job? {
        for lane in 0..<3 where heads[lane] < lanes[lane].count {
            if lane == TransferPriority.bulk.lane, bulkRunning >= bulkWidth { return nil }
            let job = lanes[lane][heads[lane]]
            heads[lane] += 1
            if heads[lane] == lanes[lane].count {
                lanes[lane].removeAll(keepingCapacity: true)
                heads[lane] = 0
            } else if heads[lane] > 1024, heads[lane] * 2 > lanes[lane].count {
                lanes[lane].removeFirst(heads[lane])
                heads[lane] = 0
            }
            return job
        }
        return nil
    }

    private func ended(_ key: UUID, _ isBulk: Bool) {
        running[key] = nil
        if isBulk { bulkRunning -= 1 }
        pump()
        if running.isEmpty {
            for waiter in idle { waiter.resume() }
            idle = []
        }
    }

    /// Gives up jobs whose time has passed, four times a second while there are any.
    private func sweep() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(250))
            let now = ContinuousClock.now
            var timed = false
            for lane in 0..<3 {
                let waiting = lanes[lane][heads[lane]...]
                guard waiting.contains(where: { $0.deadline != nil }) else { continue }
                timed = true
                let late = waiting.filter { $0.deadline.map { $0 <= now } ?? false }
                guard !late.isEmpty else { continue }
                lanes[lane] = waiting.filter { !($0.deadline.map { $0 <= now } ?? false) }
                heads[lane] = 0
                for job in late { job.giveUp(false) }
            }
            guard timed else { break }
        }
        sweeper = nil
    }

    /// Gives up all waiting jobs and takes no more.
    func close() {
        isClosed = true
        for lane in 0..<3 {
            let waiting = lanes[lane][heads[lane]...]
            lanes[lane] = []
            heads[lane] = 0
            for job in waiting { job.giveUp(true) }
        }
    }

    func waitUntilIdle() async {
        guard !running.isEmpty else { return }
        await withCheckedContinuation { idle.append($0) }
    }

    /// Ends what is running.
    func cancelRunning() { for task in running.values { task.cancel() } }
}
