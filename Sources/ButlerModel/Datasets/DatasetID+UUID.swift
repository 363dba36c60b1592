import Foundation

/// The database layer speaks of Foundation's UUID.
extension DatasetID {
    public init(_ uuid: UUID) {
        let b = uuid.uuid
        self.init(
            high: Self.word(b.0, b.1, b.2, b.3, b.4, b.5, b.6, b.7),
            low: Self.word(b.8, b.9, b.10, b.11, b.12, b.13, b.14, b.15))
    }

    private static func word(
        _ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8, _ g: UInt8, _ h: UInt8
    ) -> UInt64 {
        [b, c, d, e, f, g, h].reduce(UInt64(a)) { $0 << 8 | UInt64($1) }
    }

    public var uuid: UUID {
        func byte(_ word: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: word >> (56 - 8 * index)) }
        return UUID(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5),
                byte(high, 6), byte(high, 7), byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4),
                byte(low, 5), byte(low, 6), byte(low, 7)
            ))
    }
}
