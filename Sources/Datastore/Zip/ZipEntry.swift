/// What an archive says about one member: before its data, and again in the directory at the end. Members beyond 4 GB and
/// those behind the first 4 GB have the wide fields (zip64) that they need. Times are not recorded, so that equal content
/// gives equal bytes. Source: PKWARE APPNOTE 6.3.10.
struct ZipEntry {
    let name: [UInt8]
    /// 0: as it is; 8: deflated.
    let method: UInt16
    let checksum: UInt32
    let compressedSize: UInt64
    let size: UInt64
    /// Where its header begins.
    let offset: UInt64

    private static let narrow = UInt64(UInt32.max)

    private var isWide: Bool { size >= Self.narrow || compressedSize >= Self.narrow }

    /// Flags, method, time (midnight), date (1980-01-01), checksum, sizes, length of the name.
    private var common: [UInt8] {
        let flags: UInt64 = name.allSatisfy { $0 < 0x80 } ? 0 : 0x800
        let sizes = isWide ? (Self.narrow, Self.narrow) : (compressedSize, size)
        return Self.number(flags, 2) + Self.number(UInt64(method), 2) + Self.number(0, 2) + Self.number(0x21, 2)
            + Self.number(UInt64(checksum), 4) + Self.number(sizes.0, 4) + Self.number(sizes.1, 4)
            + Self.number(UInt64(name.count), 2)
    }

    private var wideSizes: [UInt8] { isWide ? Self.number(size, 8) + Self.number(compressedSize, 8) : [] }

    private static func extra(_ wide: [UInt8]) -> [UInt8] {
        wide.isEmpty ? [] : number(1, 2) + number(UInt64(wide.count), 2) + wide
    }

    /// The header before the data.
    var localHeader: [UInt8] {
        let extra = Self.extra(wideSizes)
        return Self.number(0x0403_4b50, 4) + Self.number(isWide ? 45 : 20, 2) + common
            + Self.number(UInt64(extra.count), 2) + name + extra
    }

    /// The entry of the directory: made by Unix, a regular file that all may read.
    var directoryEntry: [UInt8] {
        let extra = Self.extra(wideSizes + (offset >= Self.narrow ? Self.number(offset, 8) : []))
        let version: UInt64 = extra.isEmpty ? 20 : 45
        return Self.number(0x0201_4b50, 4) + Self.number(0x300 | version, 2) + Self.number(version, 2) + common
            + Self.number(UInt64(extra.count), 2) + Self.number(0, 6) + Self.number(0o100644 << 16, 4)
            + Self.number(min(offset, Self.narrow), 4) + name + extra
    }

    /// What follows the directory. Archives beyond 65535 members are wide, too.
    static func end(entries: UInt64, start: UInt64, size: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        if entries >= 0xFFFF || start >= narrow || size >= narrow {
            bytes += number(0x0606_4b50, 4) + number(44, 8) + number(0x32D, 2) + number(45, 2) + number(0, 8)
            bytes += number(entries, 8) + number(entries, 8) + number(size, 8) + number(start, 8)
            bytes += number(0x0706_4b50, 4) + number(0, 4) + number(start + size, 8) + number(1, 4)
        }
        let count = min(entries, 0xFFFF)
        bytes += number(0x0605_4b50, 4) + number(0, 4) + number(count, 2) + number(count, 2)
        return bytes + number(min(size, narrow), 4) + number(min(start, narrow), 4) + number(0, 2)
    }

    /// A little-endian number.
    private static func number(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }
}
