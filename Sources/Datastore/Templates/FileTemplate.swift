import ButlerModel
import ByteText
import ObjectStorage

/// The rule that gives the file of a dataset its path inside a datastore:
/// `{run:/}/{datasetType}/{visit:08d}_{detector.full_name}_{band:?}`.
///
/// Fields are dimensions, `datasetType`, `component`, `run`, `id`, `skypix` (the only sky pixelization of the data ID)
/// and attributes of dimension records (`detector.full_name`). `a|b` takes the first name that the data ID knows, `?`
/// makes a field optional, `/` lets slashes of the value make folders; conversions (`!r`, `!s`, `!a`) and format
/// specifications work as in Python. Source: repository format reference, section 6.3.
public struct FileTemplate: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    let syntax: TemplateSyntax

    /// Parses a template and checks what must hold for every dataset type: it uses `run` or `id`, something that tells
    /// data IDs apart, and does not climb with `../`.
    ///
    /// - Throws: ``DatastoreError/invalidTemplate(template:reason:)``.
    public init(_ text: String) throws(DatastoreError) {
        description = text
        syntax = try TemplateSyntax(text)
        try check()
    }

    /// The path of the file of a dataset, relative to the root of the datastore and without extension.
    ///
    /// The path never leaves the root. Attributes need an expanded data ID.
    ///
    /// - Throws: ``DatastoreError/unusableTemplate(template:dataset:reason:)`` when a field that is not optional is not
    ///   known, records are missing, a value cannot be formatted, the template ignores the component of a component
    ///   reference, or the result is no path inside the root.
    public func path(for ref: DatasetRef) throws(DatastoreError) -> String {
        try BoundTemplate(self, ref.datasetType).path(for: ref)
    }

    func failure(_ reason: String, _ ref: DatasetRef) -> DatastoreError {
        .unusableTemplate(template: description, dataset: ref.description, reason: reason)
    }

    /// Writes what a field gives.
    ///
    /// - Parameters:
    ///   - known: `nil` when the data ID does not know it.
    ///   - withLiteral: whether the text before the field is written too.
    static func append(
        _ known: FormatValue?, _ field: TemplateSyntax.Field, withLiteral: Bool, to output: inout String
    ) throws(FormatProblem) {
        var value: FormatValue
        var specification = field.specification
        var literal = withLiteral ? field.literal : ""
        if let known {
            value = known
            if case .string(let text) = known { value = .string(safe(text, keepingSlashes: field.keepsSlashes)) }
        } else {
            guard field.isOptional else {
                throw FormatProblem("is not known; use an expanded data ID or make the field optional")
            }
            value = .string("")
            specification = ""
            if !literal.hasByte(UInt8(ascii: "/")) { literal = "" }
        }
        if let conversion = field.conversion { value = .string(try value.converted(conversion)) }
        output += literal
        output += try value.formatted(specification)
    }

    /// The path for the text that the fields give.
    func finished(_ output: String, _ ref: DatasetRef) throws(DatastoreError) -> String {
        guard let path = Self.normalized(Self.withSafeFileName(output)) else {
            throw failure("the result '\(output)' is not a path inside the datastore", ref)
        }
        return path
    }

    /// Replaces what cannot stand in a file name.
    static func safe(_ text: String, keepingSlashes: Bool) -> String {
        guard text.hasByte(where: isUnsafe) else { return text }
        let slash = UInt8(ascii: "/")
        return String(unsafeUninitializedCapacity: text.utf8.count) { result in
            var end = 0
            for byte in text.utf8 {
                result[end] = isUnsafe(byte) && !(keepingSlashes && byte == slash) ? UInt8(ascii: "_") : byte
                end += 1
            }
            return end
        }
    }

    private static func isUnsafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: ":"), UInt8(ascii: "\""),
            UInt8(ascii: "\\"), UInt8(ascii: "|"), UInt8(ascii: "?"), UInt8(ascii: "*"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// The last component may hold neither dots, which would look like an extension, nor `#`, which starts a fragment.
    private static func withSafeFileName(_ path: String) -> String {
        guard path.lastComponentHasByte(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "#") }) else { return path }
        let scalars = path.unicodeScalars
        let start = scalars.lastIndex(of: "/").map { scalars.index(after: $0) } ?? scalars.startIndex
        var result = String(scalars[..<start])
        for scalar in scalars[start...] {
            switch scalar {
            case ".": result += "_"
            case "#": result += "HASH"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The path without empty and `.` components, `..` resolved, relative; `nil` when it leaves the root, is the root
    /// itself or holds a zero byte.
    private static func normalized(_ path: String) -> String? {
        let slash = UInt8(ascii: "/")
        let relative = path.utf8.first == slash ? String(Substring(path.utf8.drop { $0 == slash })) : path
        return try? ObjectPath(relative).description
    }

    public static func == (a: FileTemplate, b: FileTemplate) -> Bool {
        a.description.utf8.elementsEqual(b.description.utf8)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
