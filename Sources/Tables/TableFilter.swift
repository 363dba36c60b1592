import StructuredData

/// A condition on the cells of a column, as in the `filters` of pyarrow. Nulls fulfil none.
public struct TableFilter: Sendable, Hashable {
    public enum Comparison: String, Sendable, CaseIterable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case isIn = "in"
        case isNotIn = "not in"
    }

    public let column: String
    public let comparison: Comparison
    /// Numbers, texts, booleans or bytes; for timestamps counts of their unit, or texts such as `2026-01-31T12:00:00`.
    public let values: [StructuredValue]

    /// A comparison with one value.
    public init(_ column: String, _ comparison: Comparison, _ value: StructuredValue) {
        self.init(column, comparison, anyOf: [value])
    }

    /// A comparison with several: `isIn` and `isNotIn`. Of others one has to be fulfilled, of `notEqual` all.
    public init(_ column: String, _ comparison: Comparison, anyOf values: [StructuredValue]) {
        self.column = column
        self.comparison = comparison
        self.values = values
    }

    private func accepts(_ order: Order?) -> Bool {
        switch (comparison, order) {
        case (.equal, .same), (.isIn, .same), (.less, .before), (.greater, .after): true
        case (.lessOrEqual, .before), (.lessOrEqual, .same), (.greaterOrEqual, .after), (.greaterOrEqual, .same): true
        case (.notEqual, .same), (.isNotIn, .same): false
        // A number that is none differs from all.
        case (.notEqual, _), (.isNotIn, _): true
        default: false
        }
    }

    /// For each row whether its cell fulfils the condition. Cost: the cells, times the values.
    func mask(of column: TableColumn) throws(TableError) -> [Bool] {
        guard column.shape.isEmpty else {
            throw .invalidFilter(column: column.name, reason: "its cells are lists")
        }
        let needsAll = comparison == .isNotIn || comparison == .notEqual
        var mask = [Bool](repeating: needsAll, count: column.values.count)
        for value in values {
            let order = try column.ordering(value)
            for row in mask.indices where mask[row] == needsAll { mask[row] = accepts(order(row)) }
        }
        for row in mask.indices where column.isNull(row) { mask[row] = false }
        return mask
    }
}

private enum Order {
    case before, same, after

    init?<Value: Comparable>(_ a: Value, _ b: Value) {
        if a < b { self = .before } else if a == b { self = .same } else if a > b { self = .after } else { return nil }
    }
}

extension TableColumn {
    /// How cells compare with a value; `nil` for those that do not (not-a-number).
    fileprivate func ordering(_ value: StructuredValue) throws(TableError) -> (Int) -> Order? {
        switch values {
        case .bool(let cells):
            guard case .bool(let wanted) = value else { throw mismatch(value) }
            return { Order(cells[$0] ? 1 : 0, wanted ? 1 : 0) }
        case .int8(let cells): return try integers(cells, value)
        case .int16(let cells): return try integers(cells, value)
        case .int32(let cells): return try integers(cells, value)
        case .int64(let cells): return try integers(cells, value)
        case .uint8(let cells): return try integers(cells, value)
        case .uint16(let cells): return try integers(cells, value)
        case .uint32(let cells): return try integers(cells, value)
        case .uint64(let cells): return try integers(cells, value)
        case .float(let cells):
            guard let wanted = value.numberValue else { throw mismatch(value) }
            return { Order(Double(cells[$0]), wanted) }
        case .double(let cells):
            guard let wanted = value.numberValue else { throw mismatch(value) }
            return { Order(cells[$0], wanted) }
        case .string(let cells), .bytes(let cells):
            let wanted: [UInt8]
            switch value {
            case .string(let text): wanted = Array(text.utf8)
            case .bytes(let bytes): wanted = bytes
            default: throw mismatch(value)
            }
            return { row in
                let cell = cells[row]
                return cell.elementsEqual(wanted) ? .same : cell.lexicographicallyPrecedes(wanted) ? .before : .after
            }
        case .timestamp(let cells, let type):
            var wanted = value.intValue
            if case .string(let text) = value {
                wanted = Array(text.utf8).withUnsafeBufferPointer { CivilTime.parse($0, type.unit) }
            }
            guard let wanted else { throw mismatch(value) }
            return { Order(cells[$0], wanted) }
        }
    }

    private func integers<Cell: FixedWidthInteger>(
        _ cells: [Cell], _ value: StructuredValue
    ) throws(TableError) -> (Int) -> Order? {
        switch value {
        case .int(let wanted):
            // Of all sizes and signs, compared exactly.
            return { cells[$0] < wanted ? .before : cells[$0] == wanted ? .same : .after }
        case .float(let wanted): return { Order(Double(cells[$0]), wanted) }
        default: throw mismatch(value)
        }
    }

    private func mismatch(_ value: StructuredValue) -> TableError {
        .invalidFilter(column: name, reason: "its cells are \(type), which \(value.kindName) does not compare with")
    }
}

extension Table {
    /// The rows that fulfil all conditions of one of the groups, in their order; all without groups.
    ///
    /// - Throws: `TableError.unknownColumn`; `.invalidFilter` for a value that a column cannot be compared with.
    public func filtered(by groups: [[TableFilter]]) throws(TableError) -> Table {
        guard !groups.isEmpty else { return self }
        var accepted = [Bool](repeating: false, count: rowCount)
        for group in groups {
            var mask = [Bool](repeating: true, count: rowCount)
            for filter in group {
                let own = try filter.mask(of: try column(filter.column))
                for row in mask.indices where mask[row] { mask[row] = own[row] }
            }
            for row in mask.indices where mask[row] { accepted[row] = true }
        }
        let rows = accepted.indices.filter { accepted[$0] }
        if rows.count == rowCount { return self }
        var kept: [TableColumn] = []
        for column in columns { kept.append(column.selecting(rows: rows)) }
        var table = try Table(kept, rowCount: rows.count, metadata: metadata)
        table.schemaMetadata = schemaMetadata
        return table
    }

    /// The table without what astropy kept with it: `meta` of the table and of columns, and formats. Units and descriptions
    /// stay.
    public func withoutAstropyMetadata() throws(TableError) -> Table {
        let plain = columns.map { column in
            var column = column
            column.format = nil
            column.metadata = [:]
            return column
        }
        var table = try Table(plain, rowCount: rowCount)
        table.schemaMetadata = schemaMetadata
        return table
    }
}

extension TableColumn {
    /// Some rows, in the order given.
    fileprivate func selecting(rows: [Int]) -> TableColumn {
        let perRow = cellsPerRow
        let cells = perRow == 1 ? rows : rows.flatMap { ($0 * perRow)..<(($0 + 1) * perRow) }
        return replacing(values.gathered(cells), validity.map { flags in cells.map { flags[$0] } })
    }
}

extension ColumnValues {
    /// Some cells, in the order given.
    fileprivate func gathered(_ cells: [Int]) -> ColumnValues {
        func take<Cell>(_ values: [Cell]) -> [Cell] { cells.map { values[$0] } }
        func take(_ values: VariableValues) -> VariableValues {
            var result = VariableValues()
            for cell in cells { result.append(values[cell]) }
            return result
        }
        return switch self {
        case .bool(let values): .bool(take(values))
        case .int8(let values): .int8(take(values))
        case .int16(let values): .int16(take(values))
        case .int32(let values): .int32(take(values))
        case .int64(let values): .int64(take(values))
        case .uint8(let values): .uint8(take(values))
        case .uint16(let values): .uint16(take(values))
        case .uint32(let values): .uint32(take(values))
        case .uint64(let values): .uint64(take(values))
        case .float(let values): .float(take(values))
        case .double(let values): .double(take(values))
        case .string(let values): .string(take(values))
        case .bytes(let values): .bytes(take(values))
        case .timestamp(let values, let type): .timestamp(take(values), type)
        }
    }
}
