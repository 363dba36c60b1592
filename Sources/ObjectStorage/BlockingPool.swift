import Dispatch
import NIOPosix
import Synchronization

/// Runs blocking calls (file I/O, C libraries) on at most `width` threads of their own, never on the cooperative pool.
///
/// Jobs start in the order they came. A thread takes the next waiting job when it finishes one, so waiting jobs hold no
/// thread.
public final class BlockingPool: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
        /// Index of the oldest waiting job: removing from the front of an array would be O(n) each.
        var head = 0

        mutating func next() -> (@Sendable () -> Void)? {
            guard head < waiting.count else {
                waiting.removeAll(keepingCapacity: true)
                head = 0
                return nil
            }
            let job = waiting[head]
            head += 1
            if head > 1024, head * 2 > waiting.count {
                waiting.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    public let width: Int
    private let queue: DispatchQueue
    private let state = Mutex(State())

    /// - Parameter width: the largest number of jobs at a time; values below 1 count as 1.
    public init(label: String, width: Int) {
        self.width = max(1, width)
        queue = DispatchQueue(label: label, attributes: .concurrent)
    }

    /// Runs `body` on a thread of the pool and returns what it returns or throws. A task that prefers the pool as its
    /// executor is on such a thread, and goes on there.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before the job starts. A running job is not stopped.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        if withUnsafeCurrentTask(body: { $0?.unownedTaskExecutor == asUnownedTaskExecutor() }) {
            try Task.checkCancellation()
            return try runHere(body)
        }
        let cancelled = Mutex(false)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit {
                    if cancelled.withLock({ $0 }) {
                        continuation.resume(throwing: CancellationError())
                    } else {
                        continuation.resume(with: Swift.Result(catching: body))
                    }
                }
            }
        } onCancel: {
            cancelled.withLock { $0 = true }
        }
    }

    private func runHere<Result>(_ body: () throws -> Result) rethrows -> Result {
        Worker.current.currentValue?.handOver()
        return try body()
    }

    func submit(_ job: @escaping @Sendable () -> Void) {
        let startsThread = state.withLock { state in
            guard state.running < width else {
                state.waiting.append(job)
                return false
            }
            state.running += 1
            return true
        }
        guard startsThread else { return }
        queue.async { [self] in
            let worker = Worker(self)
            Worker.current.currentValue = worker
            job()
            while let next = worker.takeNext() ?? takeNext() { next() }
            Worker.current.currentValue = nil
        }
    }

    private func takeNext() -> (@Sendable () -> Void)? {
        state.withLock { state in
            let job = state.next()
            if job == nil { state.running -= 1 }
            return job
        }
    }
}

/// Tasks may run on the threads of the pool as a whole: `Task(executorPreference: pool)`. Those that block often, and
/// wait for the network in between, are spared the way from one thread to another and back each time.
extension BlockingPool: TaskExecutor {
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let work: @Sendable () -> Void = { [self] in
            let worker = Worker.current.currentValue
            worker?.isInTask = true
            job.runSynchronously(on: asUnownedTaskExecutor())
            worker?.isInTask = false
        }
        if let worker = Worker.current.currentValue, worker.pool === self, hasRoom, worker.keep(work) { return }
        submit(work)
    }

    private var hasRoom: Bool { state.withLock { $0.running < width } }

    /// What a thread of a pool knows of itself.
    ///
    /// A task that wakes another one is mostly about to wait itself. So what it wakes goes on on the same thread, once
    /// the task waits, and no other thread has to be woken; unless it blocks before.
    ///
    /// `@unchecked Sendable`: only the thread that it belongs to gets hold of it.
    private final class Worker: @unchecked Sendable {
        static let current = ThreadSpecificVariable<Worker>()

        let pool: BlockingPool
        var isInTask = false
        private var next: (@Sendable () -> Void)?

        init(_ pool: BlockingPool) { self.pool = pool }

        func keep(_ work: @escaping @Sendable () -> Void) -> Bool {
            guard isInTask, next == nil else { return false }
            next = work
            return true
        }

        func takeNext() -> (@Sendable () -> Void)? {
            defer { next = nil }
            return next
        }

        /// Lets another thread do what comes next.
        func handOver() { if let next = takeNext() { pool.submit(next) } }
    }
}
