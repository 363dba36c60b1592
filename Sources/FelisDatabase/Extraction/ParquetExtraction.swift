import Felis
import Parquet
import Tables

/// Makes a schema of Parquet files: a table a file, with the columns, units and descriptions that the file has.
public struct ParquetExtraction: Sendable {
    public let name: String
    /// What the language has no name for, and so is lost or written in another way.
    public private(set) var remarks: [String] = []

    public init(name: String) { self.name = name }

    /// The schema of files, in order. Tables are called as the files, without `.parquet` or `.parq`. Only the
    /// descriptions at the ends of the files are read.
    ///
    /// - Throws: `TableError` for files that are no Parquet, or when Apache Arrow is not there.
    public mutating func schema(of paths: [String]) throws -> Schema {
        var schema = Schema(name: name, id: "#\(name)")
        for path in paths {
            var table = try table(path)
            var suffix = 1
            while schema.table(name: table.name) != nil {
                suffix += 1
                table = renamed(table, to: "\(Self.tableName(path))_\(suffix)")
            }
            schema.tables.append(table)
        }
        return schema
    }

    private static func tableName(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        for ending in [".parquet", ".parq", ".pq"] where name.hasSuffix(ending) && name.count > ending.count {
            return String(name.dropLast(ending.count))
        }
        return name
    }

    private func renamed(_ table: Felis.Table, to name: String) -> Felis.Table {
        var table = table
        table.name = name
        table.id = "#\(name)"
        for index in table.columns.indices { table.columns[index].id = "#\(name).\(table.columns[index].name)" }
        return table
    }

    private mutating func table(_ path: String) throws -> Felis.Table {
        let file = try ParquetFile(contentsOf: path)
        let name = Self.tableName(path)
        var table = Felis.Table(name: name, id: "#\(name)")
        let known = Dictionary(
            try file.head(rows: 0).columns.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for description in file.columnDescriptions {
            if description.name.hasPrefix("__index_level_") {
                remarks.append("The column \(name).\(description.name), the index of a data frame, is left out.")
            } else if let column = known[description.name] {
                table.columns.append(self.column(column, typeName: description.typeName, table: name))
            } else if let column = otherColumn(description, table: name) {
                table.columns.append(column)
            } else {
                remarks.append(
                    "The column \(name).\(description.name) is of a type that has no counterpart; it is left out.")
            }
        }
        return table
    }

    /// A column of a type that only databases have.
    private mutating func otherColumn(_ source: ParquetFile.ColumnDescription, table: String) -> Column? {
        let place = "\(table).\(source.name)"
        let datatype: Datatype
        let override: (postgresql: String, mysql: String?)
        switch source.typeName.prefix(while: { $0.isLetter }) {
        case "date": (datatype, override) = (.timestamp, ("DATE", "DATE"))
        case "time": (datatype, override) = (.text, ("TIME", "TIME"))
        case "decimal": (datatype, override) = (.double, ("NUMERIC", nil))
        default: return nil
        }
        remarks.append("The type '\(source.typeName)' of column \(place) is written as \(datatype.rawValue).")
        var column = Column(name: source.name, id: "#\(place)", datatype: datatype)
        column.postgresqlDatatype = override.postgresql
        column.mysqlDatatype = override.mysql
        column.arraysize = datatype.defaultArraysize(length: nil)
        column.xtype = datatype == .timestamp ? "timestamp" : nil
        column.description = source.description
        setUnit(source.unit, of: &column, place)
        return column
    }

    private mutating func setUnit(_ unit: String?, of column: inout Column, _ place: String) {
        guard let unit else { return }
        if let problem = UnitCheck.problem(of: unit) {
            remarks.append("The unit '\(unit)' of column \(place) is left out: \(problem.message).")
        } else {
            column.ivoaUnit = unit
        }
    }

    /// The bytes of each value of `fixed_size_binary[4]`.
    private static func fixedLength(_ typeName: String) -> Int? {
        guard typeName.hasPrefix("fixed_size_binary["), typeName.hasSuffix("]") else { return nil }
        return Int(typeName.dropFirst(18).dropLast())
    }

    private mutating func column(_ source: TableColumn, typeName: String, table: String) -> Column {
        let place = "\(table).\(source.name)"
        let (datatype, remark) = Self.datatype(source)
        if let remark { remarks.append("The column \(place) \(remark).") }
        var column = Column(name: source.name, id: "#\(place)", datatype: datatype)
        if datatype.isSized {
            column.length = source.width ?? Self.fixedLength(typeName) ?? SchemaExtraction.binaryLength
        }
        if case .timestamp(let type) = source.type {
            column.precision = [.seconds: 0, .milliseconds: 3][type.unit]
            column.xtype = "timestamp"
        }
        column.arraysize = datatype.defaultArraysize(length: column.length)
        if let cells = TableColumn.product(source.shape), !source.shape.isEmpty {
            column.arraysize = source.shape.map(String.init).joined(separator: "x")
            remarks.append("The column \(place) has lists of \(cells) values, which only votable:arraysize says.")
        }
        column.description = source.description ?? source.fieldMetadata["doc"]?.stringValue
        setUnit(source.unit, of: &column, place)
        if let ucd = source.fieldMetadata["ucd"]?.stringValue ?? source.metadata["ucd"]?.stringValue,
            UCDCheck.problem(of: ucd) == nil
        {
            column.ucd = ucd
        }
        return column
    }

    /// The datatype that holds every value, and what is to be known about it.
    private static func datatype(_ column: TableColumn) -> (Datatype, remark: String?) {
        switch column.type {
        case .bool: return (.boolean, nil)
        // A byte of the language has no sign in a VOTable.
        case .uint8: return (.byte, nil)
        case .int8, .int16: return (.short, nil)
        case .uint16, .int32: return (.int, nil)
        case .uint32, .int64: return (.long, nil)
        case .uint64: return (.long, "has integers up to 2^64, more than a long holds")
        case .float: return (.float, nil)
        case .double: return (.double, nil)
        case .string: return column.width == nil ? (.text, nil) : (.string, nil)
        case .bytes: return (.binary, nil)
        case .timestamp(let type):
            return (.timestamp, type.unit == .nanoseconds ? "has nanoseconds, of which databases keep six digits" : nil)
        }
    }
}
