import ByteText
import Crypto
import Synchronization

/// The UUID of a dataset.
public struct DatasetID: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Sixteen bytes in network order.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for (index, byte) in bytes.enumerated() {
            if index < 8 { words.0 = words.0 << 8 | UInt64(byte) } else { words.1 = words.1 << 8 | UInt64(byte) }
        }
        self.init(high: words.0, low: words.1)
    }

    /// Text with or without dashes, in either case, optionally in braces or with a `urn:uuid:` prefix.
    public init?(_ text: some StringProtocol) {
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        var characters = Substring(text).utf8[...]
        if characters.starts(with: "urn:uuid:".utf8) { characters = characters.dropFirst(9) }
        if characters.first == UInt8(ascii: "{"), characters.last == UInt8(ascii: "}") {
            characters = characters.dropFirst().dropLast()
        }
        for character in characters {
            if character == UInt8(ascii: "-") { continue }
            guard digits < 32, let digit = Hexadecimal.value(of: character) else { return nil }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            digits += 1
        }
        guard digits == 32 else { return nil }
        self.init(high: words.0, low: words.1)
    }

    /// The sixteen bytes in network order.
    public var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
    }

    /// 32 lower-case hexadecimal digits without dashes: the stored form of SQLite registries.
    public var compactDescription: String {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Hexadecimal.encode($0) }
    }
}

extension DatasetID: Comparable {
    public static func < (a: DatasetID, b: DatasetID) -> Bool {
        a.high != b.high ? a.high < b.high : a.low < b.low
    }
}

extension DatasetID: CustomStringConvertible {
    /// Lower-case text with dashes.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var position = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    text.initializeElement(at: position, to: UInt8(ascii: "-"))
                    position += 1
                }
                let word = index < 16 ? high : low
                let number = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index % 16))) & 15
                text.initializeElement(at: position, to: Hexadecimal.digit(number))
                position += 1
            }
            return position
        }
    }
}

// MARK: - Making new ones

extension DatasetID {
    /// A new identifier that sorts by time of creation: UUID version 7 (RFC 9562, section 5.7).
    ///
    /// Those that this process makes one after the other in a millisecond are sorted too, however many: a database enters
    /// them at the end of its indexes.
    /// - Parameter unixMilliseconds: the time of creation, in milliseconds since the Unix epoch (UTC).
    public static func unique(unixMilliseconds: UInt64) -> DatasetID {
        latest.withLock { $0.next(in: unixMilliseconds) }
    }

    private static let latest = Mutex(Millisecond(time: 0))

    /// Numbers the identifiers of a millisecond from a random start, in random steps (RFC 9562, section 6.2, method 2): the
    /// twelve bits that follow the time, and the 62 at the end. There is room for billions; when it is used up the next
    /// number is random again, and only the order is lost.
    package struct Millisecond {
        private static let mask: UInt64 = 0x3FFF_FFFF_FFFF_FFFF
        private let time: UInt64
        private var number = UInt64.random(in: 0...0x7FF)
        private var rest = UInt64.random(in: 0...mask)
        /// Steps still to be made, of sixteen bits each: to ask the system for random bits takes longer than the rest.
        private var steps: UInt64 = 0
        private var stepCount = 0

        package init(time: UInt64) { self.time = time }

        private mutating func step() -> UInt64 {
            if stepCount == 0 { (steps, stepCount) = (.random(in: 0 ... .max), 4) }
            defer { (steps, stepCount) = (steps >> 16, stepCount - 1) }
            return 1 + steps & 0xFFFF
        }

        package mutating func next(in time: UInt64) -> DatasetID {
            if self.time == time { rest += step() }
            if rest > Self.mask {
                rest &= Self.mask
                number += 1
            }
            if self.time != time || number > 0xFFF { self = Millisecond(time: time) }
            return DatasetID(high: time << 16 | 0x7000 | number, low: 0x8000_0000_0000_0000 | rest)
        }
    }

    /// The namespace of deterministic dataset identifiers: `uuid5(DNS, "lsst.org")`.
    static let namespace = DatasetID(high: 0x840b_31d9_05cd_5161, low: 0xb2c8_00d3_2b28_0d0f)

    /// What a deterministic identifier is made of.
    public enum Determination: Sendable {
        /// Dataset type and data ID.
        case dataID
        /// Dataset type, run and data ID.
        case dataIDAndRun
    }

    /// The identifier that follows from what the dataset is (UUID version 5). Two clients that make the same dataset
    /// get the same identifier. Source: repository format reference, section 4.
    public static func deterministic(
        datasetType: String, run: String, dataID: DataCoordinate, by determination: Determination
    ) -> DatasetID {
        var parts = ["dataset_type=\(datasetType)"]
        if case .dataIDAndRun = determination { parts.append("run=\(run)") }
        let items = zip(dataID.group.requiredNames, dataID.requiredValues)
            .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
        for (name, value) in items { parts.append("\(name)=\(value)") }
        return version5(namespace: namespace, name: parts.joined(separator: ","))
    }

    /// UUID version 5 (RFC 9562, section 5.5).
    public static func version5(namespace: DatasetID, name: String) -> DatasetID {
        var hash = Insecure.SHA1()
        hash.update(data: namespace.bytes)
        hash.update(data: Array(name.utf8))
        var digest = Array(hash.finalize().prefix(16))
        digest[6] = digest[6] & 0x0F | 0x50
        digest[8] = digest[8] & 0x3F | 0x80
        return DatasetID(bytes: digest) ?? namespace
    }

    /// UUID version 3 (RFC 9562, section 5.3).
    public static func version3(namespace: DatasetID, name: String) -> DatasetID {
        var hash = Insecure.MD5()
        hash.update(data: namespace.bytes)
        hash.update(data: Array(name.utf8))
        var digest = Array(hash.finalize())
        digest[6] = digest[6] & 0x0F | 0x30
        digest[8] = digest[8] & 0x3F | 0x80
        return DatasetID(bytes: digest) ?? namespace
    }

    /// The identifier that stands for the number of a dataset in export files of the early years.
    /// Source: repository format reference, section 4.
    public static func numbered(_ number: Int64) -> DatasetID {
        version3(namespace: DatasetID(high: 0x4d48_51f4_2890_4d41, low: 0x8779_5f38_a3f5_062b), name: String(number))
    }

    /// The name that Rubin's software gives a zip archive with these members, without extension: a UUID of version 5.
    public static func ofArchive(members: some Sequence<String>) -> DatasetID {
        let sorted = members.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        return version5(namespace: namespace, name: sorted.joined(separator: ","))
    }
}
