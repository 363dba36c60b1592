/// Floating-point numbers as Python's `repr` writes them.
public enum PythonFloat {
    /// The shortest digits that read back as the same finite double. Exponents from 16 up and below -4 are written
    /// with `e`: `1e+16`, `1e-05`.
    public static func repr(_ value: Double) -> String {
        let text = value.description
        // Swift gives the same digits and layout, except that it writes `e` from 2^53 up already.
        guard value.magnitude >= 0x1p53, value.magnitude < 1e16, let mark = text.utf8.firstIndex(of: UInt8(ascii: "e"))
        else { return text }
        let digits = text[..<mark].filter { $0 != "." && $0 != "-" }
        let integer = digits + String(repeating: "0", count: 16 - digits.count)
        return (value < 0 ? "-" : "") + integer + ".0"
    }

    /// `inf`, `-inf` or `nan`.
    public static func special(_ value: Double) -> String { value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
}
