import ByteText
import StructuredData
import TestSupport
import Testing

@testable import Query

/// The text of pages is that of the JSON writer, byte for byte.
@Suite struct PageTextTests {
    private func written(_ body: (inout PageText) -> Void) -> String {
        var text = PageText(capacity: 1)
        body(&text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// What was written; `nil` when the text was refused, which must not leave anything.
    private func accepted(_ bytes: [UInt8], _ body: (inout PageText, UnsafeBufferPointer<UInt8>) -> Bool) -> String? {
        var isAccepted = false
        let text = written { text in isAccepted = bytes.withUnsafeBufferPointer { body(&text, $0) } }
        if !isAccepted { #expect(text.isEmpty) }
        return isAccepted ? text : nil
    }

    private func uuid(_ bytes: [UInt8]) -> String? { accepted(bytes) { $0.appendUUID(compact: $1) } }
    private func hexadecimal(_ bytes: [UInt8]) -> String? { accepted(bytes) { $0.appendHexadecimal(base64: $1) } }

    @Test func paddedText() {
        let all = (0..<400).map { UInt8(truncatingIfNeeded: 32 + $0 % 64) }
        for size in [0, 1, 15, 16, 17, 31, 32, 33, 200, 384] {
            let found = all.withUnsafeBufferPointer { bytes in
                written { text in
                    if let start = bytes.baseAddress { text.append(padded: start, count: size) }
                    text.append(UInt8(ascii: "!"))
                }
            }
            #expect(found == String(decoding: all[..<size], as: UTF8.self) + "!")
        }
    }

    @Test func integers() {
        var random = SeededGenerator(seed: 5)
        var numbers: [Int64] = [0, .max, .min, .min + 1]
        var power: Int64 = 1
        for _ in 0..<19 {
            numbers += [power, -power, power - 1, 1 - power]
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        for _ in 0..<20_000 {
            numbers.append(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0..<64, using: &random))
        }
        for number in numbers { #expect(written { $0.append(number) } == String(number)) }
        // With the memory of a column, where numbers repeat.
        let last = UnsafeMutablePointer<NumberText>.allocate(capacity: 1)
        last.initialize(to: NumberText())
        defer { last.deallocate() }
        for number in numbers {
            for _ in 0..<2 { #expect(written { $0.append(number, last) } == String(number)) }
        }
    }

    @Test func strings() {
        var random = SeededGenerator(seed: 6)
        let pieces: [[UInt8]] = [
            Array("a".utf8), Array("Bias run 7".utf8), [0x22], [0x5C], [0x1F], [0x00], [0x7F], [0x20], Array("é".utf8),
            Array("\u{85}".utf8), Array("\u{2028}".utf8), Array("\u{1F600}".utf8), [0x80], [0xFF], [0xC3],
        ]
        for round in 0..<20_000 {
            // Most texts have one odd piece somewhere, or none.
            let length = Int.random(in: 0..<30, using: &random)
            var bytes = [UInt8]((0..<length).map { _ in UInt8.random(in: 0x61...0x7A, using: &random) })
            for _ in 0..<(round % 3) {
                bytes.insert(
                    contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &random)],
                    at: Int.random(in: 0...bytes.count, using: &random))
            }
            let expected = LineJSON.text { writer in bytes.withUnsafeBufferPointer { writer.appendString(utf8: $0) } }
            let found = written { text in bytes.withUnsafeBufferPointer { text.appendString($0) } }
            #expect(found == String(decoding: expected, as: UTF8.self), "\(bytes)")
        }
    }

    @Test func identifiers() {
        let digits = Array("0123456789abcdef0123456789abcdef".utf8)
        #expect(uuid(digits) == "\"01234567-89ab-cdef-0123-456789abcdef\"")
        for place in digits.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = digits
                changed[place] = byte
                let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
                #expect((uuid(changed) != nil) == isDigit)
            }
        }
        for length in [0, 31, 33, 36] {
            #expect(uuid([UInt8](repeating: 0x61, count: length)) == nil)
        }
    }

    @Test func bytesOfBase64() {
        var random = SeededGenerator(seed: 7)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            var base64 = Array(Base64.encode(bytes).utf8)
            #expect(hexadecimal(base64) == "\"\(Hexadecimal.encode(bytes))\"")
            guard !base64.isEmpty else { continue }
            // The same verdict as that of the decoder, for text with one byte changed or lost.
            if Bool.random(using: &random) {
                base64[Int.random(in: 0..<base64.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            } else {
                base64.remove(at: Int.random(in: 0..<base64.count, using: &random))
            }
            let decoded = base64.withUnsafeBufferPointer { Base64.decode($0) }
            #expect(hexadecimal(base64) == decoded.map { "\"\(Hexadecimal.encode($0))\"" }, "\(base64)")
        }
    }
}
