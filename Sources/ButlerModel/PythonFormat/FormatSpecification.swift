/// A format specification of Python's mini-language: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
///
/// Source: Python library reference, "Format Specification Mini-Language" (Python 3.13).
struct FormatSpecification {
    enum Alignment: Unicode.Scalar {
        case left = "<"
        case right = ">"
        case center = "^"
        /// Padding between sign and digits.
        case inner = "="
    }

    /// No file name is longer than 255 bytes; the limit keeps a hostile template from filling the memory.
    private static let largestSize = 4096

    private(set) var fill: Unicode.Scalar = " "
    private(set) var alignment: Alignment
    private(set) var sign: Unicode.Scalar?
    private(set) var dropsNegativeZero = false
    private(set) var isAlternate = false
    private(set) var width = 0
    private(set) var grouping: Unicode.Scalar?
    private(set) var precision: Int?
    private(set) var type: Unicode.Scalar?
    private let text: String

    /// - Parameter alignment: where padding goes when the text does not say.
    init(_ text: String, alignment: Alignment) throws(FormatProblem) {
        self.text = text
        self.alignment = alignment
        let scalars = Array(text.unicodeScalars)
        var position = 0
        func peek(_ offset: Int = 0) -> Unicode.Scalar? {
            position + offset < scalars.count ? scalars[position + offset] : nil
        }
        func skip(_ wanted: Unicode.Scalar) -> Bool {
            guard peek() == wanted else { return false }
            position += 1
            return true
        }
        func number() throws(FormatProblem) -> Int? {
            var value: Int?
            while let scalar = peek(), scalar.properties.numericType == .decimal,
                let digit = scalar.properties.numericValue
            {
                value = (value ?? 0) * 10 + Int(digit)
                guard let value, value <= Self.largestSize else {
                    throw FormatProblem("has a format specification '\(text)' wider than any file name")
                }
                position += 1
            }
            return value
        }

        var hasFill = false
        var hasAlignment = false
        if let second = peek(1).flatMap(Alignment.init(rawValue:)), let first = peek() {
            fill = first
            self.alignment = second
            (hasFill, hasAlignment) = (true, true)
            position += 2
        } else if let first = peek().flatMap(Alignment.init(rawValue:)) {
            self.alignment = first
            hasAlignment = true
            position += 1
        }
        if let scalar = peek(), scalar == "+" || scalar == "-" || scalar == " " {
            sign = scalar
            position += 1
        }
        dropsNegativeZero = skip("z")
        isAlternate = skip("#")
        if !hasFill, skip("0") {
            fill = "0"
            if !hasAlignment, alignment == .right { self.alignment = .inner }
        }
        width = try number() ?? 0
        for separator: Unicode.Scalar in [",", "_"] where skip(separator) {
            guard grouping == nil else { throw problem("has both ',' and '_'") }
            grouping = separator
        }
        if grouping == "_", peek() == "," { throw problem("has both ',' and '_'") }
        if skip(".") {
            guard let digits = try number() else { throw problem("lacks the digits behind '.'") }
            precision = digits
        }
        if let scalar = peek() {
            type = scalar
            position += 1
        }
        guard position == scalars.count else { throw problem("is not understood") }
        if let grouping {
            switch type {
            case nil, "d", "e", "f", "g", "E", "G", "F", "%": break
            case "b", "o", "x", "X":
                guard grouping == "_" else { throw problem("groups digits in a way that its type does not allow") }
            default: throw problem("groups digits in a way that its type does not allow")
            }
        }
    }

    func problem(_ complaint: String) -> FormatProblem {
        FormatProblem("has the format specification '\(text)', which \(complaint)")
    }

    // MARK: Text

    func format(_ value: String) throws(FormatProblem) -> String {
        guard type == nil || type == "s", sign == nil, !dropsNegativeZero, !isAlternate, alignment != .inner,
            grouping == nil
        else { throw problem("does not fit text") }
        var scalars = Array(value.unicodeScalars)
        if let precision { scalars = Array(scalars.prefix(precision)) }
        return padded(prefix: "", Self.text(scalars), count: scalars.count)
    }

    private static func text(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// Brings `prefix + body` to the width.
    func padded(prefix: String, _ body: String, count: Int) -> String {
        let missing = max(0, width - prefix.unicodeScalars.count - count)
        func fill(_ count: Int) -> String { Self.text([Unicode.Scalar](repeating: self.fill, count: count)) }
        switch alignment {
        case .left: return prefix + body + fill(missing)
        case .right: return fill(missing) + prefix + body
        case .center: return fill(missing / 2) + prefix + body + fill(missing - missing / 2)
        case .inner: return prefix + fill(missing) + body
        }
    }
}
