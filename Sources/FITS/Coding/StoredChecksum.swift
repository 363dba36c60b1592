import CFITSIO

/// The checksum of FITS: a sum of 32-bit words, big end first, in ones' complement (standard 4.0, appendix J).
struct StoredChecksum {
    private(set) var sum: UInt32 = 0

    /// Adds bytes; all but the last must be a multiple of four.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var total: UInt64 = 0
        let whole = bytes.count / 4
        for index in 0..<whole {
            total &+= UInt64(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
        if bytes.count % 4 != 0 {
            var last: UInt32 = 0
            for index in (4 * whole)..<bytes.count { last |= UInt32(bytes[index]) << (24 - 8 * UInt32(index % 4)) }
            total &+= UInt64(last)
        }
        add(total)
    }

    mutating func add(_ other: StoredChecksum) { add(UInt64(sum) + UInt64(other.sum)) }

    /// Adds a sum of words; it has room for 2³² of them.
    mutating func add(_ total: UInt64) {
        sum = UInt32(truncatingIfNeeded: Self.folded(Self.folded(total) + UInt64(sum)))
    }

    /// A sum with its carries folded in, in 32 bits.
    static func folded(_ total: UInt64) -> UInt64 {
        var total = total
        while total >> 32 != 0 { total = (total & 0xFFFF_FFFF) + total >> 32 }
        return total
    }

    /// The sixteen characters that make the sum of an HDU zero.
    var complement: [UInt8] {
        var text = [CChar](repeating: 0, count: 17)
        ffesum(UInt(sum), 1, &text)
        return text.prefix(16).map { UInt8(bitPattern: $0) }
    }
}
