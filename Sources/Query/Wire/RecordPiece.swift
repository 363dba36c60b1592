import ButlerModel
import Database
import Registry
import StructuredData

/// The JSON text of the record of one element. Many rows share a record: its text is written once and kept while it
/// repeats. It must be asked for each row, or for none.
final class RecordPiece {
    let element: DimensionElement
    /// The places of the record's key among the keys of a row, the own dimension last.
    private let slots: [Int]
    private let source: Source
    /// Whether each row has a record of its own, which is not worth keeping.
    private let isUnique: Bool

    /// Texts by the last value of the key, for records whose other values are those of the last row.
    private var texts: [DataIDValue: [UInt8]] = [:]
    private var last: [UInt8] = []
    /// The bits of the key's values.
    private let prefixBits: UInt64
    let keyBits: UInt64
    private static let mostTexts = 4096

    private enum Source {
        case reader(RecordReader)
        case row(RowProgram)
    }

    /// - Parameter group: the dimensions of rows.
    init(
        _ element: DimensionElement, in group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot,
        usesMemory: Bool
    ) throws {
        self.element = element
        slots = element.required.compactMap { group.slot(of: $0) }
        prefixBits = slots.dropLast().reduce(0) { $0 | 1 << UInt64($1) }
        keyBits = slots.reduce(0) { $0 | 1 << UInt64($1) }
        isUnique = DimensionSet(group.required).isSubset(of: element.requiredSet)
        let isInRow = element.skypix == nil && !(usesMemory && element.isCached)
        guard isInRow, let columns = layout.columns(of: element) else {
            source = .reader(try RecordReader(element, layout, snapshot, usesMemory: true))
            return
        }
        var template = RowTemplate()
        template.append("{\"definition\":\"\(element.name)\",\"record\":{")
        for (index, (column, place)) in zip(element.columns, columns).enumerated() {
            template.append("\(index == 0 ? "" : ",")\"\(column.name)\":")
            template.append(RowPiece(place, type: column.type))
        }
        template.append("}}")
        source = .row(RowProgram(template))
    }

    /// What identifies the row's record among those of the element.
    func key(_ keys: [DataIDValue]) -> [DataIDValue] { slots.map { keys[$0] } }

    func write(_ row: any DatabaseRow, keys: RowKeys?, to text: inout PageText) throws {
        guard !isUnique, let keys, let slot = slots.last else { return try writeNew(row, to: &text) }
        if keys.changed & keyBits == 0, !last.isEmpty { return text.append(last) }
        if keys.changed & prefixBits != 0 {
            texts.removeAll(keepingCapacity: true)
        } else if let known = texts[keys.values[slot]] {
            last = known
            return text.append(known)
        }
        let start = text.count
        try writeNew(row, to: &text)
        last = text.bytes(from: start)
        if texts.count >= Self.mostTexts { texts.removeAll(keepingCapacity: true) }
        texts[keys.values[slot]] = last
    }

    /// Writes the record without looking whether it is known.
    func writeNew(_ row: any DatabaseRow, to text: inout PageText) throws {
        switch source {
        case .reader(let reader):
            let record = try reader.record(row).wire
            text.append { $0.value(record) }
        case .row(let program): try program.write(row, keys: nil, to: &text)
        }
    }
}
