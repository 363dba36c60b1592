import StructuredData

/// The YAML description of a table that astropy writes at the head of ECSV files and into the schema metadata of Parquet
/// files (`table_meta_yaml`). Source: astropy APE 6.
public struct AstropyHeader: Sendable {
    public struct Column: Sendable {
        public var name: String
        /// As it is written: `string` for everything that is kept as JSON.
        public var datatype: String
        /// The type of list elements, without the shape.
        public var subtype: String?
        /// Dimensions of the list in a row; `nil` stands for one that differs from row to row.
        public var shape: [Int?]
        public var unit: String?
        public var format: String?
        public var description: String?
        public var metadata: StructuredMapping
    }

    public var columns: [Column]
    public var metadata: StructuredMapping
    /// Only in ECSV.
    public var delimiter: String?

    // MARK: Reading

    /// - Throws: `YAMLError`, or ``Problem`` when it is YAML of something else.
    public init(yaml: some Collection<UInt8>) throws {
        guard let node = try YAMLNode.compose(yaml), case .object(let header) = try TaggedYAML.value(node),
            let list = header["datatype"]?.arrayValue
        else { throw Problem(text: "the header is no mapping with a list 'datatype' of columns") }
        columns = try list.map { try Self.column($0) }
        metadata = header["meta"]?.objectValue ?? [:]
        delimiter = header["delimiter"]?.stringValue
    }

    public struct Problem: Error, Sendable, CustomStringConvertible {
        var text: String
        public var description: String { text }
    }

    private static func column(_ value: StructuredValue) throws -> Column {
        guard let name = value["name"].map(text) ?? nil, let datatype = value["datatype"]?.stringValue else {
            throw Problem(text: "a column of the header lacks its 'name' or 'datatype'")
        }
        var column = Column(
            name: name, datatype: datatype, shape: [], unit: value["unit"].flatMap(text),
            format: value["format"].flatMap(text), description: value["description"].flatMap(text),
            metadata: value["meta"]?.objectValue ?? [:])
        if let subtype = value["subtype"]?.stringValue {
            let mark = subtype.firstIndex(of: "[") ?? subtype.endIndex
            column.subtype = String(subtype[..<mark])
            if mark < subtype.endIndex {
                guard let shape = try? StructuredValue(json: String(subtype[mark...])).arrayValue else {
                    throw Problem(text: "column '\(name)' has the unusable subtype '\(subtype)'")
                }
                column.shape = try shape.map {
                    if $0.isNull { return nil }
                    guard let dimension = $0.intValue, dimension >= 0, dimension < 1 << 40 else {
                        throw Problem(text: "column '\(name)' has the unusable subtype '\(subtype)'")
                    }
                    return Int(dimension)
                }
            }
        }
        return column
    }

    /// The text of an attribute. Old files keep units as objects; a name may look like a number.
    private static func text(_ value: StructuredValue) -> String? {
        switch value {
        case .null: nil
        case .string(let text): text
        case .object(let mapping):
            (mapping["!astropy.units.Unit"]?["unit"]).flatMap(text) ?? mapping.pairs.first?.value.stringValue
        default: value.description
        }
    }

    // MARK: Writing

    /// The YAML of a table, ending with a line break, byte for byte as astropy writes it but for aliases.
    ///
    /// - Parameter isFile: whether it heads an ECSV file, which has a `schema` and may have a delimiter.
    static func yaml(_ table: Table, delimiter: String?, isFile: Bool) -> String {
        var entries = [
            TaggedYAML.entry(
                "datatype", YAMLNode(tag: YAMLTag.sequence, content: .sequence(table.columns.map(node))))
        ]
        if let delimiter { entries.append(TaggedYAML.entry("delimiter", YAMLNode(.string(delimiter)))) }
        if !table.metadata.isEmpty { entries.append(TaggedYAML.entry("meta", TaggedYAML.ordered(table.metadata))) }
        if isFile { entries.append(TaggedYAML.entry("schema", YAMLNode(.string("astropy-2.0")))) }
        return YAMLWriter.text(
            YAMLNode(tag: YAMLTag.mapping, content: .mapping(entries)), options: .init(width: 130, flowsLeaves: true))
    }

    /// What `table_meta_yaml` holds.
    public static func parquetYAML(_ table: Table) -> String {
        var text = yaml(table, delimiter: nil, isFile: false)
        if text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    private static func node(_ column: TableColumn) -> YAMLNode {
        let type: String = column.type == .bytes ? "string" : column.type.description
        let isList = !column.shape.isEmpty
        var entries = [TaggedYAML.entry("name", YAMLNode(.string(column.name)))]
        func add(_ key: String, _ text: String?) {
            if let text { entries.append(TaggedYAML.entry(key, YAMLNode(.string(text)))) }
        }
        add("unit", column.unit)
        add("datatype", isList ? "string" : type)
        add("format", column.format)
        add("description", column.description)
        if !column.metadata.isEmpty {
            entries.append(TaggedYAML.entry("meta", TaggedYAML.ordered(column.metadata)))
        }
        if isList {
            add("subtype", type + "[" + column.shape.map(String.init).joined(separator: ",") + "]")
        } else {
            add("subtype", column.jsonType)
        }
        return YAMLNode(tag: YAMLTag.mapping, content: .mapping(entries))
    }
}
