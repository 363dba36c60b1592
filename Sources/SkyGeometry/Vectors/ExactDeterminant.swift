/// The sign of a · (b × c), without rounding, for finite components.
///
/// Each of the six products of three doubles is an integer of up to 159 bits times a power of two. They are summed in
/// a two's complement integer wide enough for the spread of the powers.
func exactDeterminantSign(_ a: Vector3, _ b: Vector3, _ c: Vector3) -> Int {
    let products = [
        ExactProduct(a.x, b.y, c.z), ExactProduct(-a.x, b.z, c.y), ExactProduct(a.y, b.z, c.x),
        ExactProduct(-a.y, b.x, c.z), ExactProduct(a.z, b.x, c.y), ExactProduct(-a.z, b.y, c.x),
    ].filter { !$0.isZero }
    guard let lowest = products.map(\.exponent).min(), let highest = products.map(\.exponent).max() else { return 0 }
    // 159 bits of a product, 3 more for the sum of six, one for the sign.
    var sum = [UInt64](repeating: 0, count: (highest - lowest + 163) / 64 + 1)
    for product in products { product.add(to: &sum, shift: product.exponent - lowest) }
    if sum[sum.count - 1] >> 63 == 1 { return -1 }
    return sum.allSatisfy { $0 == 0 } ? 0 : 1
}

/// The exact product of three doubles: sign × 192 bit magnitude × 2^exponent.
private struct ExactProduct {
    let isNegative: Bool
    let exponent: Int
    private let words: (UInt64, UInt64, UInt64)

    init(_ x: Double, _ y: Double, _ z: Double) {
        let (m0, e0) = ExactProduct.split(x)
        let (m1, e1) = ExactProduct.split(y)
        let (m2, e2) = ExactProduct.split(z)
        let xy = m0.multipliedFullWidth(by: m1)
        let low = xy.low.multipliedFullWidth(by: m2)
        let high = xy.high.multipliedFullWidth(by: m2)
        let (middle, carry) = low.high.addingReportingOverflow(high.low)
        words = (low.low, middle, high.high &+ (carry ? 1 : 0))
        exponent = e0 + e1 + e2
        isNegative = (x.sign == .minus) != ((y.sign == .minus) != (z.sign == .minus))
    }

    var isZero: Bool { words == (0, 0, 0) }

    /// |x| = mantissa × 2^exponent with an integer mantissa of at most 53 bits.
    private static func split(_ x: Double) -> (mantissa: UInt64, exponent: Int) {
        let fraction = x.significandBitPattern
        let biased = Int(x.exponentBitPattern)
        // Subnormal numbers have no hidden bit and the exponent of the smallest normal ones.
        return biased == 0 ? (fraction, -1074) : (fraction | (1 << 52), biased - 1075)
    }

    func add(to sum: inout [UInt64], shift: Int) {
        let offset = shift / 64
        let bits = UInt64(shift % 64)
        // Swift's smart shifts give zero for a shift by 64.
        let shifted = [
            words.0 << bits, (words.1 << bits) | (words.0 >> (64 - bits)), (words.2 << bits) | (words.1 >> (64 - bits)),
            words.2 >> (64 - bits),
        ]
        var carry = isNegative
        for i in offset..<sum.count {
            let word = i - offset < 4 ? shifted[i - offset] : 0
            // A negative product is added as its complement plus one.
            let (partial, overflow1) = sum[i].addingReportingOverflow(isNegative ? ~word : word)
            let (total, overflow2) = partial.addingReportingOverflow(carry ? 1 : 0)
            sum[i] = total
            carry = overflow1 || overflow2
        }
    }
}
