import Dispatch
import Synchronization

/// Whether writes of lines take as little time as they should: a write goes into the system's memory, but has to wait
/// where a disk cannot keep up.
final class WriteWatch: Sendable {
    /// Nanoseconds. A write that takes longer has waited.
    private static let patience: UInt64 = 5_000_000
    /// Nanoseconds for which writes are expected to wait after one has waited.
    private static let memory: UInt64 = 1_000_000_000

    /// When the write began that is under way; 0 for none.
    private let began = Atomic<UInt64>(0)
    private let quickFrom = Atomic<UInt64>(0)

    private static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

    var isQuick: Bool {
        let (began, now) = (began.load(ordering: .relaxed), Self.now)
        return (began == 0 || now < began + Self.patience) && now >= quickFrom.load(ordering: .relaxed)
    }

    func timing<Result>(_ write: () -> Result) -> Result {
        let start = Self.now
        // Of several at a time the first one is watched.
        let isFirst = began.compareExchange(expected: 0, desired: start, ordering: .relaxed).exchanged
        defer {
            if isFirst { began.store(0, ordering: .relaxed) }
            let end = Self.now
            if end > start + Self.patience { quickFrom.store(end + Self.memory, ordering: .relaxed) }
        }
        return write()
    }
}
