/// A half-open interval of time `[begin, end)`, in TAI.
///
/// The stored form is normal: an empty timespan is always (`latest`, `earliest`), an unbounded begin is `earliest`
/// and an unbounded end is `latest`. Source: repository format reference, section 4.
public struct Timespan: Hashable, Sendable {
    public let begin: TAINanoseconds
    public let end: TAINanoseconds

    public static let empty = Timespan(storedBegin: .latest, storedEnd: .earliest)
    public static let unbounded = Timespan(storedBegin: .earliest, storedEnd: .latest)

    private init(storedBegin: TAINanoseconds, storedEnd: TAINanoseconds) {
        begin = storedBegin
        end = storedEnd
    }

    /// The interval from `begin` (`nil`: since ever) to `end` (`nil`: for ever). Bounds are clamped to the legal
    /// range; then an end before the begin gives the empty timespan, and equal bounds give one nanosecond.
    ///
    /// - Throws: ``TimespanError/outOfRange(begin:end:)`` when both bounds fall on the same end of the legal range;
    ///   ``TimespanError/atEndOfRange(_:)`` for an instant within one nanosecond of the latest time.
    public init(begin: TAINanoseconds?, end: TAINanoseconds?) throws(TimespanError) {
        let first = (begin ?? .earliest).clamped
        var last = (end ?? .latest).clamped
        if first == last {
            if first == .latest || last == .earliest { throw .outOfRange(begin: begin, end: end) }
            last = TAINanoseconds(rawValue: first.rawValue + 1)
            if last == .latest { throw .atEndOfRange(first) }
        }
        self = first < last ? Timespan(storedBegin: first, storedEnd: last) : .empty
    }

    /// The single instant `time`: one nanosecond long.
    ///
    /// - Throws: ``TimespanError/atEndOfRange(_:)`` within one nanosecond of the latest time.
    public init(instant time: TAINanoseconds) throws(TimespanError) {
        let first = time.clamped
        let last = TAINanoseconds(rawValue: first.rawValue + 1)
        if last >= .latest { throw .atEndOfRange(first) }
        self.init(storedBegin: first, storedEnd: last)
    }

    /// The timespan with these stored bounds, as a database or a message holds them: bounds outside the legal range are
    /// clamped, and then a begin at or after the end is empty.
    public init(storedNanoseconds begin: Int64, _ end: Int64) {
        let first = TAINanoseconds(rawValue: begin).clamped
        let last = TAINanoseconds(rawValue: end).clamped
        self = first < last ? Timespan(storedBegin: first, storedEnd: last) : .empty
    }

    public var isEmpty: Bool { begin >= end }
    public var hasUnboundedBegin: Bool { !isEmpty && begin == .earliest }
    public var hasUnboundedEnd: Bool { !isEmpty && end == .latest }
    public var isUnbounded: Bool { self == .unbounded }
}

public enum TimespanError: Error, Equatable, CustomStringConvertible {
    /// Both bounds lie at or beyond the same end of the range that a Butler can store.
    case outOfRange(begin: TAINanoseconds?, end: TAINanoseconds?)
    /// An instant so close to the latest time that no nanosecond is left for it.
    case atEndOfRange(TAINanoseconds)

    public var description: String {
        switch self {
        case .outOfRange(let begin, let end):
            "A timespan from \(begin.map(\.description) ?? "-∞") to \(end.map(\.description) ?? "∞") has no part in "
                + "1970-01-01 to 2100-01-01 (TAI); give bounds within that range."
        case .atEndOfRange(let time):
            "There is no timespan for the instant \(time): it is within 1 ns of 2100-01-01 (TAI), the latest time."
        }
    }
}

// MARK: - Relations

extension Timespan {
    public func overlaps(_ other: Timespan) -> Bool { end > other.begin && other.end > begin }

    public func contains(_ time: TAINanoseconds) -> Bool { begin <= time && time < end }

    public func contains(_ other: Timespan) -> Bool { begin <= other.begin && other.end <= end }

    /// Whether this timespan ends before `other` begins. False when either is empty.
    public func isBefore(_ other: Timespan) -> Bool { end <= other.begin && begin < other.end }

    /// Whether this timespan ends before the instant. False when it is empty.
    public func isBefore(_ time: TAINanoseconds) -> Bool { end <= time && begin < time }

    /// Whether this timespan begins after `other` ends. False when either is empty.
    public func isAfter(_ other: Timespan) -> Bool { other.isBefore(self) }

    /// Whether this timespan begins after the instant. False when it is empty.
    public func isAfter(_ time: TAINanoseconds) -> Bool { begin > time && end > time }

    /// The common part, possibly empty.
    public func intersection(_ other: Timespan) -> Timespan {
        Timespan(
            storedNanoseconds: max(begin, other.begin).rawValue, min(end, other.end).rawValue)
    }

    /// What is left of this timespan without `other`: no, one or two parts, in order.
    public func subtracting(_ other: Timespan) -> [Timespan] {
        guard overlaps(other) else { return isEmpty ? [] : [self] }
        var parts: [Timespan] = []
        if begin < other.begin { parts.append(Timespan(storedBegin: begin, storedEnd: other.begin)) }
        if end > other.end { parts.append(Timespan(storedBegin: other.end, storedEnd: end)) }
        return parts
    }
}
