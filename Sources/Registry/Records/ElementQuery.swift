import ButlerModel
import Database

/// The query that reads the records of one element out of its table.
///
/// An implied union has no table: its records are the distinct values of the column that implies it.
struct ElementQuery: Sendable {
    private let element: DimensionElement
    private let table: String
    /// Physical column of each record column.
    private let columnNames: [String]
    private let selection: SQL
    private let order: SQL

    init(_ element: DimensionElement, schema: RegistrySchema) {
        self.element = element
        if let target = element.impliedUnionTarget {
            table = target
            columnNames = [element.name]
            selection = "SELECT DISTINCT \(column: element.name) FROM \(table: target)"
        } else {
            let specification = schema.elementTable(element)
            table = specification.name
            columnNames = specification.columns.map(\.name)
            selection = "SELECT \(SQL.results(specification.columns)) FROM \(table: specification.name)"
        }
        order = " ORDER BY \(columns: columnNames.prefix(element.required.count).map { $0 })"
    }

    /// Visits matching records in the order of their keys until `visit` returns false.
    func run(
        _ connection: any DatabaseConnection, where conditions: [(column: Int, value: ColumnValue)],
        _ visit: (DimensionRecord) throws -> Bool
    ) throws {
        var statement = selection
        if !conditions.isEmpty {
            let tests = conditions.map { condition -> SQL in
                "\(column: columnNames[condition.column]) = \(value: condition.value.sqlValue)"
            }
            statement += " WHERE \(SQL.all(tests))"
        }
        statement += order
        try connection.visit(statement) { row in
            try visit(DimensionRecord(element: element, values: try decode(row)))
        }
    }

    private func decode(_ row: any DatabaseRow) throws -> [ColumnValue] {
        var values: [ColumnValue] = []
        values.reserveCapacity(element.columns.count)
        for (index, column) in element.columns.enumerated() {
            let value = try ColumnValue(row, index, type: column.type)
            if case .region(let region) = value { try check(region, column: column.name, of: values) }
            values.append(value)
        }
        return values
    }

    /// Damaged bytes are reported here, where it is known whose they are, and not by whoever needs the region later.
    private func check(_ region: EncodedRegion, column: String, of values: [ColumnValue]) throws {
        do {
            _ = try region.decoded()
        } catch {
            let key = zip(element.columns, values).prefix(element.required.count)
                .compactMap { column, value in value.dataIDValue.map { "\(column.name)=\($0.quotedDescription)" } }
            throw RegistryError.corruptValue(
                table: table, column: column,
                reason: "\(error) Insert the record of \(key.joined(separator: ", ")) again.")
        }
    }
}

extension DatabaseConnection {
    /// Visits the rows of a query until `body` returns false.
    func visit(_ statement: SQL, _ body: (any DatabaseRow) throws -> Bool) throws {
        do {
            try query(statement) { row in
                guard try body(row) else { throw EarlyEnd() }
            }
        } catch is EarlyEnd {}
    }
}

/// Thrown through a query to end it before its last row.
private struct EarlyEnd: Error {}

extension ColumnValue {
    /// The value of a result column.
    package init(_ row: any DatabaseRow, _ index: Int, type: ElementColumnType) throws {
        guard !row.isNull(index) else {
            self = .null
            return
        }
        switch type {
        case .int: self = .int(try row.int(index))
        case .string: self = .string(try row.text(index))
        case .float: self = .float(try row.double(index))
        case .bool: self = .bool(try row.bool(index))
        case .hash: self = .hash(try row.bytes(index))
        case .uuid: self = .uuid(DatasetID(try row.uuid(index)))
        case .region: self = .region(EncodedRegion(bytes: try row.bytes(index)))
        case .timespan: self = try row.timespan(index).map { .timespan($0) } ?? .null
        case .datetime: self = .datetime(.init(rawValue: try row.int(index)))
        }
    }

    /// The value to bind in a statement.
    package var sqlValue: SQLValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .float(let value): .double(value)
        case .string(let value): .text(value)
        case .hash(let bytes): .bytes(bytes)
        case .uuid(let id): .uuid(id.uuid)
        case .region(let region): .bytes(region.bytes)
        case .timespan(let span): .timespan(span)
        case .datetime(let time): .int(time.rawValue)
        }
    }
}

extension DataIDValue {
    package var sqlValue: SQLValue {
        switch self {
        case .int(let value): .int(value)
        case .string(let value): .text(value)
        }
    }
}
