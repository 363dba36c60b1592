import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Places at which a test can end the process, to show what recovery makes of it.
///
/// With `STEWARD_KILL_AT=n` in the environment the process kills itself as it passes the n-th of them. Without, passing
/// one costs a comparison.
public enum KillPoint {
    private static let countdown: Countdown? = ProcessInfo.processInfo.environment["STEWARD_KILL_AT"]
        .flatMap { Int($0) }.map { Countdown($0) }

    public static func pass() {
        guard let countdown else { return }
        countdown.pass()
    }

    private final class Countdown: Sendable {
        private let remaining: Mutex<Int>

        init(_ count: Int) { remaining = Mutex(count) }

        func pass() {
            let isLast = remaining.withLock { remaining in
                remaining -= 1
                return remaining == 0
            }
            guard isLast else { return }
            kill(getpid(), SIGKILL)
            while true { pause() }
        }
    }
}
