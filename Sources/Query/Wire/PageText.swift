import ByteText
import StructuredData

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// JSON text that grows at its end, in memory of its own: the rows of a page.
///
/// A server of rows spends its time here: an append looks for room once and copies.
struct PageText: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0
    private let pool = PagePool()

    init(capacity: Int = 1 << 12) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    /// Hands the text out and begins an empty one.
    mutating func take() -> PageBytes {
        let next = pool.take(capacity: capacity)
        let page = PageBytes(PageMemory(base: base, capacity: capacity), count: count, pool: pool)
        (base, capacity, count) = (next.base, next.capacity, 0)
        return page
    }

    /// A copy of the text.
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }

    /// A copy of the text from a place on.
    func bytes(from start: Int) -> [UInt8] { Array(UnsafeBufferPointer(start: base + start, count: count - start)) }

    mutating func removeAll() { count = 0 }

    @inline(__always)
    private mutating func reserve(_ size: Int) { if capacity - count < size { grow(by: size) } }

    @inline(never)
    private mutating func grow(by size: Int) {
        capacity = max(2 * capacity, count + size)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
    }

    // MARK: Text

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        guard let start = text.baseAddress else { return }
        reserve(text.count)
        memcpy(base + count, start, text.count)
        count += text.count
    }

    /// Appends text behind which 15 bytes more can be read.
    @inline(__always)
    mutating func append(padded text: UnsafePointer<UInt8>, count size: Int) {
        reserve(size + 16)
        var (from, to) = (UnsafeRawPointer(text), UnsafeMutableRawPointer(base + count))
        var rest = size
        while rest > 0 {
            to.storeBytes(of: from.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
            (from, to, rest) = (from + 16, to + 16, rest - 16)
        }
        count += size
    }

    mutating func append(_ text: [UInt8]) { text.withUnsafeBufferPointer { append($0) } }

    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: borrowing PageText) {
        append(UnsafeBufferPointer(start: text.base, count: text.count))
    }

    /// Appends what a function writes, for values that are rare.
    mutating func append(_ write: (inout JSONWriter) throws -> Void) rethrows { append(try LineJSON.text(write)) }

    // MARK: Values

    mutating func appendNull() { append("null") }

    /// Appends a number that is often the one before.
    @inline(__always)
    mutating func append(_ value: Int64, _ last: UnsafeMutablePointer<NumberText>) {
        // Short numbers are as fast to write anew.
        if value.magnitude < 1000 { return append(value) }
        reserve(24)
        if last.pointee.count == 0 || last.pointee.number != value {
            let start = count
            append(value)
            last.pointee.number = value
            last.pointee.count = count - start
            reserve(24)
            last.pointee.digits = UnsafeRawPointer(base + start).loadUnaligned(as: (UInt64, UInt64, UInt64).self)
            return
        }
        UnsafeMutableRawPointer(base + count).storeBytes(of: last.pointee.digits, as: (UInt64, UInt64, UInt64).self)
        count += last.pointee.count
    }

    mutating func append(_ value: Int64) {
        reserve(20)
        var rest = value.magnitude
        if value < 0 {
            base[count] = UInt8(ascii: "-")
            count += 1
        }
        var digits = 1
        var bound: UInt64 = 10
        // No magnitude has more than 19 digits.
        while digits < 19, rest >= bound {
            digits += 1
            bound &*= 10
        }
        var place = base + (count + digits)
        count += digits
        repeat {
            let quotient = rest / 10
            place -= 1
            place.pointee = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            rest = quotient
        } while rest > 0
    }

    /// Appends text of the database in quotes; bytes that are not UTF-8 become U+FFFD.
    mutating func appendString(_ text: UnsafeBufferPointer<UInt8>) {
        guard Self.needsNoEscape(text) else { return append { $0.appendString(utf8: text) } }
        reserve(text.count + 2)
        base[count] = UInt8(ascii: "\"")
        if let start = text.baseAddress { memcpy(base + (count + 1), start, text.count) }
        base[count + text.count + 1] = UInt8(ascii: "\"")
        count += text.count + 2
    }

    /// Whether text is ASCII without controls, quotes and backslashes. Looks at eight bytes at a time.
    private static func needsNoEscape(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        /// The high bit of each byte that is zero, with those of some after it.
        func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }
        var index = 0
        let raw = UnsafeRawBufferPointer(text)
        while index + 8 <= text.count {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let controls = (word &- 0x20 &* ones) & ~word & highs
            if word & highs | controls | zeros(word ^ 0x22 &* ones) | zeros(word ^ 0x5C &* ones) != 0 { return false }
            index += 8
        }
        while index < text.count {
            let byte = text[index]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            index += 1
        }
        return true
    }

    /// Appends a UUID of 32 lower-case hexadecimal digits in quotes and with dashes.
    ///
    /// - Returns: `false`, with nothing appended, for any other text.
    mutating func appendUUID(compact text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard text.count == 32, let start = text.baseAddress else { return false }
        for offset in stride(from: 0, to: 32, by: 8) {
            guard Self.areHexadecimal(UnsafeRawPointer(start).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            else { return false }
        }
        reserve(38)
        let place = base + count
        place[0] = UInt8(ascii: "\"")
        memcpy(place + 1, start, 8)
        place[9] = UInt8(ascii: "-")
        memcpy(place + 10, start + 8, 4)
        place[14] = UInt8(ascii: "-")
        memcpy(place + 15, start + 12, 4)
        place[19] = UInt8(ascii: "-")
        memcpy(place + 20, start + 16, 4)
        place[24] = UInt8(ascii: "-")
        memcpy(place + 25, start + 20, 12)
        place[37] = UInt8(ascii: "\"")
        count += 38
        return true
    }

    /// Whether eight bytes are lower-case hexadecimal digits.
    private static func areHexadecimal(_ word: UInt64) -> Bool {
        /// The high bit of each byte that is at least `least`, where all are ASCII.
        func isAtLeast(_ least: UInt64) -> UInt64 { word &+ (0x80 - least) &* ones }
        let digits = isAtLeast(0x30) & ~isAtLeast(0x3A)
        let letters = isAtLeast(0x61) & ~isAtLeast(0x67)
        return ~word & (digits | letters) & highs == highs
    }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// Appends, in quotes, the hexadecimal text of the bytes that base64 text spells.
    ///
    /// - Returns: `false`, with nothing appended, if the text is not padded standard base64.
    mutating func appendHexadecimal(base64 text: UnsafeBufferPointer<UInt8>) -> Bool {
        let size = Base64.hexadecimalCapacity(of: text)
        reserve(size + 2)
        let place = UnsafeMutableBufferPointer(start: base + (count + 1), count: size)
        guard let length = Base64.writeHexadecimal(of: text, to: place) else { return false }
        base[count] = UInt8(ascii: "\"")
        base[count + length + 1] = UInt8(ascii: "\"")
        count += length + 2
        return true
    }
}

/// JSON text for JSON Lines.
enum LineJSON {
    static let options = JSONWriter.Options(escapesLineSeparators: true)

    static func text(_ body: (inout JSONWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = JSONWriter(options: options)
        try body(&writer)
        return writer.bytes
    }
}
