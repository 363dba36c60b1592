import ByteText
import StructuredData
import Tables

/// The metadata of a schema, sorted by what they are for. Source: repository format reference, section 6.5.
struct ParquetMetadata {
    static let rowCountKey = "lsst::arrow::rowcount"
    static let lengthPrefixes = ["lsst::arrow::len::", "table::len::"]
    static let shapePrefix = "lsst::arrow::shape::"
    static let astropyKey = "table_meta_yaml"
    /// Both in the schema's metadata and in astropy's.
    static let indexKey = "lsst::arrow::astropy_pandas_index"

    /// Recorded lengths of texts, by column.
    private(set) var widths: [ExactName: Int] = [:]
    private(set) var shapes: [ExactName: [Int]] = [:]
    private(set) var tableMetadata: StructuredMapping = [:]
    /// What the table keeps as it is.
    private(set) var rest: StructuredMapping = [:]
    private var header: [ExactName: AstropyHeader.Column] = [:]

    /// - Throws: `TableError.malformedParquet` for values that cannot have been written for their keys.
    init(_ metadata: StructuredMapping, file: String) throws(TableError) {
        for (key, value) in metadata.pairs {
            let text = value.stringValue ?? ""
            if key == Self.rowCountKey { continue }
            if let column = Self.lengthPrefixes.lazy.compactMap({ key.after($0) }).first {
                guard let width = Int(text), width >= 0 else {
                    throw .malformedParquet(file: file, reason: "the metadata '\(key)' is '\(text)' and not a length")
                }
                widths[column] = width
            } else if let column = key.after(Self.shapePrefix) {
                guard let shape = Self.shape(text) else {
                    throw .malformedParquet(file: file, reason: "the metadata '\(key)' is '\(text)' and not a shape")
                }
                shapes[column] = shape
            } else if key == Self.astropyKey {
                do {
                    let parsed = try AstropyHeader(yaml: text.utf8)
                    tableMetadata = parsed.metadata
                    for column in parsed.columns { header[column.name] = column }
                } catch {
                    throw .malformedParquet(file: file, reason: "the metadata '\(key)': \(error)")
                }
            } else if key != Self.indexKey {
                rest[key] = value
            }
        }
        if let index = metadata[Self.indexKey] { tableMetadata[Self.indexKey] = index }
    }

    /// `(2, 3)`, `(2,)`.
    private static func shape(_ text: String) -> [Int]? {
        guard text.hasPrefix("("), text.hasSuffix(")") else { return nil }
        var shape: [Int] = []
        for part in text.dropFirst().dropLast().split(separator: ",") {
            guard let dimension = Int(part.drop { $0 == " " }), dimension >= 0 else { return nil }
            shape.append(dimension)
        }
        return shape
    }

    /// Adds what astropy's header says of a column.
    func describe(_ column: inout TableColumn) {
        guard let known = header[column.name] else { return }
        column.unit = known.unit ?? column.unit
        column.description = known.description ?? column.description
        column.format = known.format
        column.metadata = known.metadata
    }

    // MARK: Writing

    /// The metadata that a table gets in a style.
    static func written(_ table: Table, _ style: ParquetStyle) -> StructuredMapping {
        var pairs: [(String, StructuredValue)] = []
        let columns = table.columns
        let isFull: Bool
        switch style {
        case .astropy, .numpy: isFull = true
        case .pandas: isFull = false
        case .arrow: isFull = table.hasAstropyContent || columns.contains { $0.width != nil || $0.shape.count > 1 }
        }
        if style != .arrow || isFull { pairs.append((rowCountKey, .string(String(table.rowCount)))) }
        let hasYAML = style == .astropy || (style == .arrow && table.hasAstropyContent)
        if hasYAML, let index = table.metadata[indexKey]?.stringValue { pairs.append((indexKey, .string(index))) }
        // An Arrow table with what only astropy has is what Python makes of astropy's.
        let widthStyle: ParquetStyle = hasYAML ? .astropy : style
        for column in columns {
            if let width = column.writtenWidth(widthStyle), !column.name.hasPrefix("__") || isFull {
                let prefixes = isFull ? lengthPrefixes : [lengthPrefixes[0]]
                for prefix in prefixes { pairs.append((prefix + column.name, .string(String(width)))) }
            }
            if column.shape.count > 1 {
                let text = "(" + column.shape.map(String.init).joined(separator: ", ") + ")"
                pairs.append((shapePrefix + column.name, .string(text)))
            }
        }
        if hasYAML { pairs.append((astropyKey, .string(AstropyHeader.parquetYAML(table)))) }
        if style == .pandas || style == .arrow {
            // Python's order: pandas' own key comes first.
            pairs.insert(contentsOf: table.schemaMetadata.pairs.map { ($0.key, $0.value) }, at: 0)
        }
        return StructuredMapping(pairs)
    }

    /// The metadata of a column's field.
    static func written(_ column: TableColumn, _ style: ParquetStyle) -> StructuredMapping {
        guard style == .astropy || style == .arrow else { return [:] }
        var metadata = style == .arrow ? column.fieldMetadata : [:]
        if let description = column.description, !description.isEmpty { metadata["description"] = .string(description) }
        if let unit = column.unit, !unit.isEmpty { metadata["unit"] = .string(unit) }
        return metadata
    }
}

extension Table {
    /// Whether it carries what only astropy's header can hold.
    fileprivate var hasAstropyContent: Bool {
        !metadata.isEmpty || columns.contains { $0.format != nil || !$0.metadata.isEmpty }
    }
}

extension TableColumn {
    /// The length to record for a column of texts or bytes in a style; `nil` for others, and where none is recorded.
    func writtenWidth(_ style: ParquetStyle) -> Int? {
        guard shape.isEmpty else { return nil }
        let longest: Int
        switch values {
        case .string(let texts): longest = texts.longestText
        case .bytes(let texts): longest = style == .pandas ? -1 : texts.longest
        default: return nil
        }
        switch style {
        case .arrow: return width.map { max($0, longest) }
        // numpy has no texts of no length.
        case .astropy, .numpy: return max(width ?? 0, longest, 1)
        // Python records none for large text, and a guess for no text at all.
        case .pandas: return longest < 0 || isLarge ? nil : values.count == 0 ? width ?? 10 : longest
        }
    }
}
