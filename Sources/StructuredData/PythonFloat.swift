/// Floating-point numbers as Python's `repr` writes them.
enum PythonFloat {
    /// The shortest digits that read back as the same finite double. Exponents from 16 up and below -4 are written
    /// with `e`: `1e+16`, `1e-05`.
    static func repr(_ value: Double) -> String {
        let text = value.description
        // Swift gives the same digits and layout, except that it changes to `e` only from 2^54 up.
        guard value.magnitude >= 1e16, !text.utf8.contains(UInt8(ascii: "e")) else { return text }
        let isNegative = value < 0
        let digits = text.dropFirst(isNegative ? 1 : 0).prefix { $0 != "." }
        let exponent = digits.count - 1
        var fraction = digits.dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        return (isNegative ? "-" : "") + digits.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "e+\(exponent)"
    }

    /// `inf`, `-inf` or `nan`.
    static func special(_ value: Double) -> String { value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
}
