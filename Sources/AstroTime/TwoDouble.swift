/// Exact arithmetic on numbers that are the sum of two doubles (Shewchuk 1997, Discrete & Computational Geometry
/// 18, 305). The steps are those of astropy, so that both round alike to the last bit.
enum TwoDouble {
    /// `a + b` and the rounding error of that sum.
    static func sum(_ a: Double, _ b: Double) -> (Double, Double) {
        let x = a + b
        let bVirtual = x - a
        let aVirtual = x - bVirtual
        return (x, (a - aVirtual) + (b - bVirtual))
    }

    /// `a * b` and the rounding error of that product.
    static func product(_ a: Double, _ b: Double) -> (Double, Double) {
        let x = a * b
        return (x, (-x).addingProduct(a, b))
    }

    /// `a + b` as a whole number and a remainder within ±0.5.
    static func dayFraction(_ a: Double, _ b: Double) -> (Double, Double) {
        let (high, low) = sum(a, b)
        return split(high, low)
    }

    /// `(a + b) * factor` as a whole number and a remainder within ±0.5.
    static func dayFraction(_ a: Double, _ b: Double, times factor: Double) -> (Double, Double) {
        let (high, low) = sum(a, b)
        var (scaled, carry) = product(high, factor)
        carry += low * factor
        (scaled, carry) = sum(scaled, carry)
        return split(scaled, carry)
    }

    /// `(a + b) / divisor` as a whole number and a remainder within ±0.5.
    static func dayFraction(_ a: Double, _ b: Double, dividedBy divisor: Double) -> (Double, Double) {
        let (high, low) = sum(a, b)
        let quotient = high / divisor
        let (p1, p2) = product(quotient, divisor)
        var (d1, d2) = sum(high, -p1)
        d2 += low
        d2 -= p2
        d1 = (d1 + d2) / divisor
        let (scaled, carry) = sum(quotient, d1)
        return split(scaled, carry)
    }

    private static func split(_ high: Double, _ low: Double) -> (Double, Double) {
        var day = high.rounded(.toNearestOrEven)
        let (fraction, check) = sum(high - day, low)
        let sign: Double = check > 0 ? 1 : check < 0 ? -1 : 0
        // A remainder of exactly one half may have been rounded the wrong way, which the lost bits decide.
        let excess =
            fraction * sign != 0.5
            ? fraction.rounded(.toNearestOrEven) : (fraction + 2 * check).rounded(.toNearestOrEven)
        day += excess
        return (day, (high - day) + low)
    }
}
