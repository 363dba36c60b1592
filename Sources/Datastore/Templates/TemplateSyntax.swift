/// The parts of a file template, in order: the grammar of Python's format strings with the additions of file templates.
///
/// Source: repository format reference, section 6.3; Python library reference, "Format String Syntax".
struct TemplateSyntax: Sendable, Hashable {
    /// One replacement field with the text before it.
    struct Field: Sendable, Hashable {
        /// The text between the previous field and this one.
        var literal: String
        /// Names separated by `|`; never empty, though a name may be the empty text.
        var alternatives: [FieldName]
        /// Whether the specification holds a `?`: nothing is written when the field is not known.
        var isOptional: Bool
        /// Whether the specification holds a `/`: slashes in the value make folders.
        var keepsSlashes: Bool
        /// The character after `!`.
        var conversion: Unicode.Scalar?
        /// The format specification without `?` and `/`.
        var specification: String
    }

    /// `name` or `name.attribute`.
    struct FieldName: Sendable, Hashable {
        /// The name as it is written.
        var text: String
        /// The part before the dot.
        var primary: String
        /// The part after the dot.
        var attribute: String?
    }

    enum Part: Sendable, Hashable {
        case text(String)
        case field(Field)
    }

    private(set) var parts: [Part] = []

    var fields: [Field] {
        parts.compactMap { if case .field(let field) = $0 { field } else { nil } }
    }

    init(_ template: String) throws(DatastoreError) {
        var scanner = TemplateScanner(template)
        var literal = ""
        while let piece = try scanner.next() {
            switch piece {
            case .literal(let text): literal += text
            case .brace(let brace):
                // As in Python, a doubled brace ends a piece of text: an optional field drops only what stands behind it.
                parts.append(.text(literal + brace))
                literal = ""
            case .field(let names, let conversion, let specification):
                let scalars = specification.unicodeScalars
                parts.append(
                    .field(
                        Field(
                            literal: literal, alternatives: try Self.names(names, template: template),
                            isOptional: scalars.contains("?"), keepsSlashes: scalars.contains("/"),
                            conversion: conversion, specification: String(scalars.filter { $0 != "?" && $0 != "/" }))))
                literal = ""
            }
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }

    private static func names(_ text: String, template: String) throws(DatastoreError) -> [FieldName] {
        var names: [FieldName] = []
        for name in text.unicodeScalars.split(separator: "|", omittingEmptySubsequences: false) {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
            guard parts.count <= 2 else {
                throw .invalidTemplate(
                    template: template, reason: "field '\(String(name))' has more than one dot; write element.attribute"
                )
            }
            names.append(
                FieldName(text: String(name), primary: parts[0], attribute: parts.count == 2 ? parts[1] : nil))
        }
        return names
    }
}

/// Cuts a template into literal text and replacement fields.
private struct TemplateScanner {
    enum Piece {
        case literal(String)
        case brace(String)
        case field(names: String, conversion: Unicode.Scalar?, specification: String)
    }

    private let template: String
    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ template: String) {
        self.template = template
        scalars = Array(template.unicodeScalars)
    }

    private func failure(_ reason: String) -> DatastoreError { .invalidTemplate(template: template, reason: reason) }

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

    mutating func next() throws(DatastoreError) -> Piece? {
        let start = position
        while position < scalars.count, scalars[position] != "{", scalars[position] != "}" { position += 1 }
        if position > start { return .literal(Self.text(scalars[start..<position])) }
        guard let brace = take() else { return nil }
        if position < scalars.count, scalars[position] == brace {
            position += 1
            return .brace(String(brace))
        }
        guard brace == "{" else { throw failure("it has a '}' without a '{' before it") }
        return try field()
    }

    private mutating func field() throws(DatastoreError) -> Piece {
        let start = position
        var end: Unicode.Scalar?
        scan: while let scalar = take() {
            switch scalar {
            case "{": throw failure("it has a '{' inside the name of a field")
            case "[":
                // As in Python, everything up to the closing bracket belongs to the name.
                while position < scalars.count, scalars[position] != "]" { position += 1 }
            case "}", ":", "!":
                end = scalar
                break scan
            default: break
            }
        }
        guard let end else { throw failure("it has a '{' without a '}' behind it") }
        let names = Self.text(scalars[start..<(position - 1)])
        if end == "}" { return .field(names: names, conversion: nil, specification: "") }

        var conversion: Unicode.Scalar?
        if end == "!" {
            guard let letter = take() else { throw failure("it ends behind a '!'") }
            conversion = letter
            if let separator = take() {
                if separator == "}" { return .field(names: names, conversion: conversion, specification: "") }
                guard separator == ":" else {
                    throw failure("a conversion such as '!r' must be followed by ':' or '}'")
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
        throw failure("it has a '{' without a '}' behind it")
    }
}
