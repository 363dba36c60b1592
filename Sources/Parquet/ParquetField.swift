import CArrow
import StructuredData
import Tables

/// A column as the file describes it.
struct ParquetField {
    let name: String
    let type: carrow_type
    /// Cells in a row of lists.
    let listSize: Int?
    let zone: String?
    let typeName: String
    let unit: String?
    let fieldDescription: String?
    /// The rest of the field's metadata.
    let rest: StructuredMapping

    init(_ field: carrow_field) {
        name = ArrowText.text(field.name)
        type = field.type
        listSize = field.list_size < 0 ? nil : Int(field.list_size)
        zone = field.zone.count == 0 ? nil : ArrowText.text(field.zone)
        typeName = ArrowText.text(field.type_name)
        var metadata = ArrowText.mapping(field.metadata)
        // Where the column was in a file; Arrow adds it when it reads.
        metadata["PARQUET:field_id"] = nil
        func take(_ key: String) -> String? {
            guard let text = metadata[key]?.stringValue else { return nil }
            metadata[key] = nil
            return text.isEmpty ? nil : text
        }
        unit = take("unit")
        fieldDescription = take("description")
        rest = metadata
    }
}

/// Collects the cells of a column that C++ hands over in parts.
class CellSink {
    private(set) var validity: [Bool]?
    fileprivate(set) var count = 0

    /// `nil` for a type that tables do not hold.
    static func make(_ field: ParquetField) -> CellSink? {
        switch field.type {
        case CARROW_BOOL: BooleanSink()
        case CARROW_INT8: NumberSink(ColumnValues.int8)
        case CARROW_INT16: NumberSink(ColumnValues.int16)
        case CARROW_INT32: NumberSink(ColumnValues.int32)
        case CARROW_INT64: NumberSink(ColumnValues.int64)
        case CARROW_UINT8: NumberSink(ColumnValues.uint8)
        case CARROW_UINT16: NumberSink(ColumnValues.uint16)
        case CARROW_UINT32: NumberSink(ColumnValues.uint32)
        case CARROW_UINT64: NumberSink(ColumnValues.uint64)
        case CARROW_FLOAT: NumberSink(ColumnValues.float)
        case CARROW_DOUBLE: NumberSink(ColumnValues.double)
        case CARROW_STRING: TextSink(ColumnValues.string)
        case CARROW_BYTES: TextSink(ColumnValues.bytes)
        case CARROW_TIMESTAMP_S: timestamps(.seconds, field.zone)
        case CARROW_TIMESTAMP_MS: timestamps(.milliseconds, field.zone)
        case CARROW_TIMESTAMP_US: timestamps(.microseconds, field.zone)
        case CARROW_TIMESTAMP_NS: timestamps(.nanoseconds, field.zone)
        default: nil
        }
    }

    private static func timestamps(_ unit: TimestampType.Unit, _ zone: String?) -> CellSink {
        let type = TimestampType(unit, zone: zone)
        return NumberSink { ColumnValues.timestamp($0, type) }
    }

    func add(_ part: carrow_cells) {
        let added = Int(part.count)
        if let flags = part.validity {
            var known = validity ?? Array(repeating: true, count: count)
            known.append(contentsOf: UnsafeBufferPointer(start: flags, count: added).lazy.map { $0 != 0 })
            validity = known
        } else {
            validity?.append(contentsOf: repeatElement(true, count: added))
        }
        take(part, added)
        count += added
    }

    fileprivate func take(_ part: carrow_cells, _ count: Int) {}
    var values: ColumnValues { .bool([]) }
}

private final class NumberSink<Number>: CellSink {
    private var cells: [Number] = []
    private let wrap: ([Number]) -> ColumnValues

    init(_ wrap: @escaping ([Number]) -> ColumnValues) { self.wrap = wrap }

    override func take(_ part: carrow_cells, _ count: Int) {
        cells.append(
            contentsOf: UnsafeBufferPointer(start: part.values?.assumingMemoryBound(to: Number.self), count: count))
    }

    override var values: ColumnValues { wrap(cells) }
}

private final class BooleanSink: CellSink {
    private var cells: [Bool] = []

    override func take(_ part: carrow_cells, _ count: Int) {
        let flags = UnsafeBufferPointer(start: part.values?.assumingMemoryBound(to: UInt8.self), count: count)
        cells.append(contentsOf: flags.lazy.map { $0 != 0 })
    }

    override var values: ColumnValues { .bool(cells) }
}

private final class TextSink: CellSink {
    private var bytes: [UInt8] = []
    private var offsets = [0]
    private let wrap: (VariableValues) -> ColumnValues

    init(_ wrap: @escaping (VariableValues) -> ColumnValues) { self.wrap = wrap }

    override func take(_ part: carrow_cells, _ count: Int) {
        let ends = UnsafeBufferPointer(start: part.offsets, count: count + 1)
        guard let last = ends.last else { return }
        let base = bytes.count
        offsets.append(contentsOf: ends.dropFirst().lazy.map { base + Int($0) })
        bytes.append(
            contentsOf: UnsafeBufferPointer(start: part.values?.assumingMemoryBound(to: UInt8.self), count: Int(last)))
    }

    override var values: ColumnValues { wrap(VariableValues(bytes: bytes, offsets: offsets) ?? VariableValues()) }
}
