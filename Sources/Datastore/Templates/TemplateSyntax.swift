import ButlerModel

/// The parts of a file template, in order: the grammar of Python's format strings with the additions of file templates.
///
/// Source: repository format reference, section 6.3; Python library reference, "Format String Syntax".
struct TemplateSyntax: Sendable, Hashable {
    /// One replacement field with the text before it. An object, as a template is gone through for each file.
    final class Field: Sendable, Hashable {
        /// The text between the previous field and this one.
        let literal: String
        /// Names separated by `|`; never empty, though a name may be the empty text.
        let alternatives: [FieldName]
        /// Whether the specification holds a `?`: nothing is written when the field is not known.
        let isOptional: Bool
        /// Whether the specification holds a `/`: slashes in the value make folders.
        let keepsSlashes: Bool
        /// The character after `!`.
        let conversion: Unicode.Scalar?
        /// The format specification without `?` and `/`.
        let specification: String

        init(
            literal: String, alternatives: [FieldName], isOptional: Bool, keepsSlashes: Bool, conversion: Unicode.Scalar?,
            specification: String
        ) {
            self.literal = literal
            self.alternatives = alternatives
            self.isOptional = isOptional
            self.keepsSlashes = keepsSlashes
            self.conversion = conversion
            self.specification = specification
        }

        static func == (a: Field, b: Field) -> Bool {
            a.literal == b.literal && a.alternatives == b.alternatives && a.isOptional == b.isOptional
                && a.keepsSlashes == b.keepsSlashes && a.conversion == b.conversion && a.specification == b.specification
        }

        func hash(into hasher: inout Hasher) { hasher.combine(alternatives) }
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
        var scanner = FormatScanner(template)
        var literal = ""
        while let piece = try Self.next(&scanner, template) {
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

    private static func next(
        _ scanner: inout FormatScanner, _ template: String
    ) throws(DatastoreError) -> FormatScanner.Piece? {
        do {
            return try scanner.next()
        } catch {
            throw .invalidTemplate(template: template, reason: error.reason)
        }
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
