import ByteText

/// Equality of content: names, types, shapes, nulls, cells and metadata. Cells under a null are not compared, NaN equals
/// NaN, and how a file keeps text (its width, large offsets) does not count.
extension Table: Equatable {
    public static func == (a: Table, b: Table) -> Bool {
        a.rowCount == b.rowCount && a.columns == b.columns && a.metadata == b.metadata
            && a.schemaMetadata == b.schemaMetadata
    }
}

/// See `Table`'s equality.
extension TableColumn: Equatable {
    public static func == (a: TableColumn, b: TableColumn) -> Bool {
        a.name.hasSameBytes(as: b.name) && a.shape == b.shape && a.unit == b.unit && a.description == b.description
            && a.format == b.format && a.metadata == b.metadata && a.fieldMetadata == b.fieldMetadata
            && a.jsonType == b.jsonType && a.hasSameCells(as: b)
    }

    /// Whether types, nulls and cells are the same, whatever the columns are called.
    public func hasSameCells(as other: TableColumn) -> Bool {
        guard type == other.type, values.count == other.values.count, validity == other.validity else { return false }
        switch (values, other.values) {
        case (.bool(let a), .bool(let b)): return same(a, b)
        case (.int8(let a), .int8(let b)): return same(a, b)
        case (.int16(let a), .int16(let b)): return same(a, b)
        case (.int32(let a), .int32(let b)): return same(a, b)
        case (.int64(let a), .int64(let b)): return same(a, b)
        case (.uint8(let a), .uint8(let b)): return same(a, b)
        case (.uint16(let a), .uint16(let b)): return same(a, b)
        case (.uint32(let a), .uint32(let b)): return same(a, b)
        case (.uint64(let a), .uint64(let b)): return same(a, b)
        case (.timestamp(let a, _), .timestamp(let b, _)): return same(a, b)
        case (.float(let a), .float(let b)):
            return a.indices.allSatisfy { isNull($0) || a[$0] == b[$0] || (a[$0].isNaN && b[$0].isNaN) }
        case (.double(let a), .double(let b)):
            return a.indices.allSatisfy { isNull($0) || a[$0] == b[$0] || (a[$0].isNaN && b[$0].isNaN) }
        case (.string(let a), .string(let b)), (.bytes(let a), .bytes(let b)):
            if validity == nil { return a == b }
            return (0..<a.count).allSatisfy { isNull($0) || a[$0].elementsEqual(b[$0]) }
        default: return false
        }
    }

    private func same<Cell: Equatable>(_ a: [Cell], _ b: [Cell]) -> Bool {
        guard let validity else { return a == b }
        return validity.indices.allSatisfy { !validity[$0] || a[$0] == b[$0] }
    }
}
