/// Cyclic redundancy checks of 32 bits, eight bytes a step. Source: RFC 3720, appendix B.4 (CRC-32C), and ISO 3309.
struct CyclicRedundancyCheck: Sendable {
    enum Polynomial: Sendable {
        /// Of Ethernet and zip: CRC-32.
        case ieee
        /// Of iSCSI: CRC-32C.
        case castagnoli

        fileprivate var tables: [UInt32] { self == .ieee ? Self.ieeeTables : Self.castagnoliTables }
        private static let ieeeTables = makeTables(0xEDB8_8320)
        private static let castagnoliTables = makeTables(0x82F6_3B78)

        /// Eight tables of 256: the effect of a byte that is followed by 0 to 7 others.
        private static func makeTables(_ reflected: UInt32) -> [UInt32] {
            var tables = [UInt32](repeating: 0, count: 8 * 256)
            for byte in 0..<256 {
                var value = UInt32(byte)
                for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ reflected : value >> 1 }
                tables[byte] = value
            }
            for table in 1..<8 {
                for byte in 0..<256 {
                    let before = tables[(table - 1) * 256 + byte]
                    tables[table * 256 + byte] = before >> 8 ^ tables[Int(before & 0xFF)]
                }
            }
            return tables
        }
    }

    private let tables: [UInt32]
    private var state: UInt32 = .max

    init(_ polynomial: Polynomial) { tables = polynomial.tables }

    var value: UInt32 { ~state }

    /// Most significant byte first.
    var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) } }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        tables.withUnsafeBufferPointer { tables in
            var index = 0
            while index + 8 <= bytes.count {
                let word =
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ UInt64(crc)
                crc = 0
                for byte in 0..<8 {
                    crc ^= tables[(7 - byte) &* 256 &+ Int(truncatingIfNeeded: word >> UInt64(8 &* byte) & 0xFF)]
                }
                index += 8
            }
            while index < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
                index += 1
            }
        }
        state = crc
    }
}
