#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A line on standard error that shows how far long work is: count, share, rate and time left. Nothing is printed
/// unless standard error is a terminal.
struct ProgressMeter {
    private let label: String
    /// `nil` when it is not known beforehand.
    private let total: Int?
    private let isShown: Bool
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?
    private var done = 0
    private var bytes: Int64 = 0

    /// - Parameters:
    ///   - label: what is being done, as in `Retrieving`.
    ///   - total: the number of steps; `nil` when it is not known, and neither is the time left then.
    ///   - isWanted: `false` to never show anything; `nil` to show it on a terminal.
    init(_ label: String, total: Int? = nil, isWanted: Bool?) {
        self.label = label
        self.total = total
        isShown = Self.isSeen(isWanted) && total != 0
    }

    /// Whether anybody would see one, so that it is worth knowing the total beforehand.
    static func isSeen(_ isWanted: Bool?) -> Bool { (isWanted ?? true) && StandardStream.error.isTerminal }

    /// Counts steps and the bytes they moved. Redraws at most ten times a second.
    mutating func advance(by steps: Int = 1, bytes moved: Int64 = 0) {
        done += steps
        bytes += moved
        guard isShown else { return }
        let now = ContinuousClock.now
        if let lastShown, now - lastShown < .milliseconds(100), total.map({ done < $0 }) ?? true { return }
        lastShown = now
        let text = Self.text(label: label, done: done, total: total, bytes: bytes, elapsed: now - start)
        StandardStream.error.write("\r\(text.prefix(max(20, StandardStream.error.width - 1)))\u{1B}[K")
    }

    /// Removes the line.
    func finish() {
        if isShown, lastShown != nil { StandardStream.error.write("\r\u{1B}[K") }
    }

    /// `Retrieving 12 of 480 (2 %), 31.5 MB/s, 24 s left`
    static func text(label: String, done: Int, total: Int?, bytes: Int64, elapsed: Duration) -> String {
        let seconds = max(elapsed / .seconds(1), 1e-6)
        guard let total else { return "\(label) \(done), \(rounded(Double(done) / seconds))/s" }
        let share = total > 0 ? 100 * done / total : 100
        let rate = bytes > 0 ? "\(size(Double(bytes) / seconds))/s" : "\(rounded(Double(done) / seconds))/s"
        let left = done > 0 ? Int((seconds * Double(total - done) / Double(done)).rounded(.up)) : 0
        return "\(label) \(done) of \(total) (\(share) %), \(rate), \(span(left)) left"
    }

    private static func size(_ bytes: Double) -> String {
        var value = bytes
        for unit in ["B", "kB", "MB"] {
            if value < 1000 { return "\(rounded(value)) \(unit)" }
            value /= 1000
        }
        return "\(rounded(value)) GB"
    }

    private static func rounded(_ value: Double) -> String {
        value < 100 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }

    private static func span(_ seconds: Int) -> String {
        switch seconds {
        case ..<100: "\(seconds) s"
        case ..<6000: "\((seconds + 30) / 60) min"
        default: "\((seconds + 1800) / 3600) h"
        }
    }
}
