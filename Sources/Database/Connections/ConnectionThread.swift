import Dispatch
import Foundation
import Synchronization

/// A thread for the blocking calls of one connection, made one after the other.
///
/// However long a silent server lets it wait, nothing else waits with it. The threads of queues would not do: tasks run
/// on the same ones, and where all of them block libdispatch adds only one in a second.
final class ConnectionThread: Sendable {
    /// That of most threads, wherever the system is set otherwise. Only what is used takes memory.
    private static let stackSize = 8 << 20

    private let jobs = Jobs()

    /// - Parameter name: of the database, for the error.
    /// - Throws: ``DatabaseError/unavailable(_:reason:)`` when the system gives no thread.
    init(for name: String) throws(DatabaseError) {
        let status = Self.begin(jobs)
        guard status == 0 else {
            let reason = String(cString: strerror(status))
            throw .unavailable(name, reason: "the system has no thread for the connection: \(reason)")
        }
    }

    /// The thread ends after what was given to it before.
    deinit { jobs.end() }

    /// Runs `body` on the thread after all that came before; false when it is to end.
    @discardableResult
    func run(_ body: @escaping @Sendable () -> Void) -> Bool { jobs.add(body) }

    /// Ends the thread after all that came before.
    func end() { jobs.end() }

    // MARK: - The thread

    private final class Jobs: Sendable {
        private let state = Mutex((waiting: [@Sendable () -> Void](), isEnding: false))
        /// Counts the jobs, and the end.
        private let arrivals = DispatchSemaphore(value: 0)

        func add(_ job: @escaping @Sendable () -> Void) -> Bool {
            let isTaken = state.withLock { state in
                if !state.isEnding { state.waiting.append(job) }
                return !state.isEnding
            }
            if isTaken { arrivals.signal() }
            return isTaken
        }

        func end() {
            state.withLock { $0.isEnding = true }
            arrivals.signal()
        }

        func run() {
            while let job = next() { job() }
        }

        private func next() -> (@Sendable () -> Void)? {
            arrivals.wait()
            return state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        }
    }

    /// - Returns: the system's error, or 0.
    private static func begin(_ jobs: Jobs) -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let context = Unmanaged.passRetained(jobs)
        let status = pthread_create(&thread, &attributes, { ConnectionThread.enter($0) }, context.toOpaque())
        if status != 0 { context.release() }
        return status
    }

    private static func enter(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        if let context { Unmanaged<Jobs>.fromOpaque(context).takeRetainedValue().run() }
        return nil
    }
}
