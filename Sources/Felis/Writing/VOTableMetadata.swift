import StructuredData

/// A schema as VOTable 1.4 metadata: a RESOURCE, and in it a TABLE without rows for each table, its columns as FIELDs
/// in the order of TAP_SCHEMA.
public struct VOTableMetadata: Sendable {
    /// Only columns with `tap:principal: 1`.
    public var isPrincipalOnly: Bool

    public init(isPrincipalOnly: Bool = false) { self.isPrincipalOnly = isPrincipalOnly }

    public func document(_ schema: Schema) -> String {
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
            <RESOURCE name="\(HTMLText.escaped(schema.name))"\(attribute("utype", schema.utype))>

            """
        text += description(schema.description, indent: "  ")
        for (number, table) in schema.tablesInServiceOrder.enumerated() {
            let name = HTMLText.escaped("\(schema.name).\(table.name)")
            text += "  <TABLE name=\"\(name)\"\(attribute("utype", table.utype)) nrows=\"0\">\n"
            text += description(table.description, indent: "    ")
            let columns = table.columnsInServiceOrder.filter { !isPrincipalOnly || $0.principal == 1 }
            // Identifiers have to be unique in the document.
            let ids = Dictionary(
                columns.enumerated().map { ($0.element.id, "f\(number)_\($0.offset)") },
                uniquingKeysWith: { first, _ in first })
            for column in columns { text += field(column, id: ids[column.id] ?? "") }
            for group in table.groups { text += self.group(group, ids) }
            // Data without columns is not valid.
            if !columns.isEmpty { text += "    <DATA><TABLEDATA></TABLEDATA></DATA>\n" }
            text += "  </TABLE>\n"
        }
        return text + "</RESOURCE>\n</VOTABLE>\n"
    }

    /// The names of the principal columns of each table, as `columns-principal.yaml` of data link services has them.
    public static func principalColumns(_ schemas: [Schema]) -> String {
        var tables = StructuredMapping()
        for schema in schemas {
            for table in schema.tables {
                let names = table.columnsInServiceOrder.filter { $0.principal == 1 }.map {
                    StructuredValue.string($0.name)
                }
                tables["\(schema.name).\(table.name)"] = .object(["tap:principal": .array(names)])
            }
        }
        return YAMLWriter.text(.object(["tables": .object(tables)]))
    }

    // MARK: Elements

    private func attribute(_ name: String, _ value: String?) -> String {
        guard let value, !value.isEmpty else { return "" }
        return " \(name)=\"\(HTMLText.escaped(Self.clean(value)))\""
    }

    private func description(_ text: String?, indent: String) -> String {
        guard let text, !text.isEmpty else { return "" }
        return "\(indent)<DESCRIPTION>\(HTMLText.escaped(Self.clean(text)))</DESCRIPTION>\n"
    }

    /// XML has no place for most control characters.
    private static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { $0.value >= 0x20 || $0 == "\n" || $0 == "\t" || $0 == "\r" }))
    }

    private func field(_ column: Column, id: String) -> String {
        var text = "    <FIELD ID=\"\(id)\"\(attribute("name", column.name))"
        text += attribute("datatype", column.votableDatatype ?? column.datatype.votableName)
        text += attribute("arraysize", column.arraysize) + attribute("xtype", column.xtype)
        text += attribute("unit", column.unit) + attribute("ucd", column.ucd) + attribute("utype", column.utype)
        guard let description = column.description, !description.isEmpty else { return text + "/>\n" }
        return text + ">\n" + self.description(description, indent: "      ") + "    </FIELD>\n"
    }

    private func group(_ group: ColumnGroup, _ ids: [String: String]) -> String {
        let attributes =
            attribute("name", group.name) + attribute("ucd", group.ucd) + attribute("utype", group.utype)
        var text = "    <GROUP\(attributes)>\n"
        text += description(group.description, indent: "      ")
        for id in group.columns.compactMap({ ids[$0] }) { text += "      <FIELDref ref=\"\(id)\"/>\n" }
        return text + "    </GROUP>\n"
    }
}
