import Foundation

/// A decimal number as the server sends it: digits to the base 10000. Source: `numeric_send` of PostgreSQL 15.
struct PostgreSQLNumeric {
    private let digits: [Int16]
    /// The power of 10000 of the first digit.
    private let weight: Int
    private let isNegative: Bool

    /// `nil` for infinities, NaN and bytes of another form.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        func word(_ index: Int) -> Int16 {
            Int16(bitPattern: UInt16(bytes[2 * index]) << 8 | UInt16(bytes[2 * index + 1]))
        }
        guard bytes.count >= 8, bytes.count == 8 + 2 * Int(word(0)) else { return nil }
        weight = Int(word(1))
        switch UInt16(bitPattern: word(2)) {
        case 0: isNegative = false
        case 0x4000: isNegative = true
        default: return nil
        }
        digits = (4..<(4 + Int(word(0)))).map(word)
    }

    /// The number if it is whole and fits.
    var integer: Int64? {
        guard digits.count <= weight + 1 || digits.isEmpty else { return nil }
        var result: Int64 = 0
        guard !digits.isEmpty else { return 0 }
        for index in 0...weight {
            let digit = index < digits.count ? Int64(digits[index]) : 0
            let (shifted, overflows) = result.multipliedReportingOverflow(by: 10_000)
            let (sum, overflowsAgain) = shifted.subtractingReportingOverflow(digit)
            guard !overflows, !overflowsAgain else { return nil }
            result = sum
        }
        // Counted downwards, as there is one more negative number than positive ones.
        if isNegative { return result }
        return result == .min ? nil : -result
    }

    var double: Double? {
        var text = isNegative ? "-0." : "0."
        for digit in digits {
            let part = String(digit)
            text += String(repeating: "0", count: 4 - part.count) + part
        }
        return Double(text + (digits.isEmpty ? "0" : "") + "e\(4 * (weight + 1))")
    }
}
