/// Cuts a format string of Python into literal text and replacement fields.
///
/// Source: Python library reference, "Format String Syntax".
package struct FormatScanner {
    package enum Piece {
        case literal(String)
        /// A doubled brace, as one.
        case brace(String)
        case field(names: String, conversion: Unicode.Scalar?, specification: String)
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0

    package init(_ template: String) {
        scalars = Array(template.unicodeScalars)
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private mutating func take() -> Unicode.Scalar? {
        guard position < scalars.count else { return nil }
        defer { position += 1 }
        return scalars[position]
    }

    /// The next piece; `nil` at the end.
    package mutating func next() throws(FormatProblem) -> Piece? {
        let start = position
        while position < scalars.count, scalars[position] != "{", scalars[position] != "}" { position += 1 }
        if position > start { return .literal(Self.text(scalars[start..<position])) }
        guard let brace = take() else { return nil }
        if position < scalars.count, scalars[position] == brace {
            position += 1
            return .brace(String(brace))
        }
        guard brace == "{" else { throw FormatProblem("it has a '}' without a '{' before it") }
        return try field()
    }

    private mutating func field() throws(FormatProblem) -> Piece {
        let start = position
        var end: Unicode.Scalar?
        scan: while let scalar = take() {
            switch scalar {
            case "{": throw FormatProblem("it has a '{' inside the name of a field")
            case "[":
                // As in Python, everything up to the closing bracket belongs to the name.
                while position < scalars.count, scalars[position] != "]" { position += 1 }
            case "}", ":", "!":
                end = scalar
                break scan
            default: break
            }
        }
        guard let end else { throw FormatProblem("it has a '{' without a '}' behind it") }
        let names = Self.text(scalars[start..<(position - 1)])
        if end == "}" { return .field(names: names, conversion: nil, specification: "") }

        var conversion: Unicode.Scalar?
        if end == "!" {
            guard let letter = take() else { throw FormatProblem("it ends behind a '!'") }
            conversion = letter
            if let separator = take() {
                if separator == "}" { return .field(names: names, conversion: conversion, specification: "") }
                guard separator == ":" else {
                    throw FormatProblem("a conversion such as '!r' must be followed by ':' or '}'")
                }
            }
        }
        let specification = position
        var depth = 1
        while let scalar = take() {
            if scalar == "{" { depth += 1 }
            if scalar == "}" {
                depth -= 1
                if depth == 0 {
                    return .field(
                        names: names, conversion: conversion,
                        specification: Self.text(scalars[specification..<(position - 1)]))
                }
            }
        }
        throw FormatProblem("it has a '{' without a '}' behind it")
    }
}
