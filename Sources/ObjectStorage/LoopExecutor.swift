public import NIOCore
import NIOPosix

/// Runs tasks on an event loop, so that what they wait for there needs no change of thread. Such tasks must not block:
/// for that they go to a ``BlockingPool``.
public final class LoopExecutor: TaskExecutor {
    private static let current = ThreadSpecificVariable<LoopExecutor>()

    private let loop: any EventLoop

    private init(_ loop: any EventLoop) { self.loop = loop }

    /// The executor of a loop. To be called on that loop.
    public static func of(_ loop: any EventLoop) -> LoopExecutor {
        loop.preconditionInEventLoop()
        if let known = current.currentValue { return known }
        let new = LoopExecutor(loop)
        current.currentValue = new
        return new
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
