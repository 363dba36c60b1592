/// An instant: whole nanoseconds of International Atomic Time (TAI) since 1970-01-01T00:00:00 TAI.
///
/// This is the time form of Butler databases and wire messages. It is not Unix time: 2026-01-01T00:00:00 UTC is
/// 1767225637000000000 here, 37 leap seconds more than the UTC count.
public struct TAINanoseconds: RawRepresentable, Hashable, Comparable, Sendable {
    public var rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// 1970-01-01T00:00:00 TAI, the earliest instant that a Butler can store; doubles as "unbounded begin".
    public static let earliest = TAINanoseconds(rawValue: 0)
    /// 2100-01-01T00:00:00 TAI, the latest instant that a Butler can store; doubles as "unbounded end".
    public static let latest = TAINanoseconds(rawValue: 4_102_444_800_000_000_000)

    /// This instant moved into the range that a Butler can store.
    public var clamped: TAINanoseconds { min(max(self, .earliest), .latest) }

    public static func < (a: TAINanoseconds, b: TAINanoseconds) -> Bool { a.rawValue < b.rawValue }
}
