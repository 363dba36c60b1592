import ButlerModel
import Database
import Registry
import StructuredData

/// The JSON text of the record of one element. Many rows share a record: its text is written once and kept while it
/// repeats.
final class RecordPiece {
    let element: DimensionElement
    /// The places of the record's key among the keys of a row, the own dimension last.
    private let slots: [Int]
    private let source: Source
    /// Whether each row has a record of its own, which is not worth keeping.
    private let isUnique: Bool

    /// Texts by the last value of the key, for records whose other values are `prefix`.
    private var texts: [DataIDValue: [UInt8]] = [:]
    private var prefix: [DataIDValue] = []
    private static let mostTexts = 4096

    private enum Source {
        case reader(RecordReader)
        case row(RowTemplate)
    }

    /// - Parameter group: the dimensions of rows.
    init(
        _ element: DimensionElement, in group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot,
        usesMemory: Bool
    ) throws {
        self.element = element
        slots = element.required.compactMap { group.slot(of: $0) }
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
        source = .row(template)
    }

    /// What identifies the row's record among those of the element.
    func key(_ keys: [DataIDValue]) -> [DataIDValue] { slots.map { keys[$0] } }

    /// - Parameter keys: the values of the row's dimensions.
    func write(_ row: any DatabaseRow, keys: [DataIDValue], to writer: inout JSONWriter) throws {
        guard !isUnique, let last = slots.last else { return try writeNew(row, to: &writer) }
        if !hasPrefix(of: keys) {
            texts.removeAll(keepingCapacity: true)
            prefix = slots.dropLast().map { keys[$0] }
        } else if let text = texts[keys[last]] {
            writer.bytes.append(contentsOf: text)
            return
        }
        let start = writer.bytes.count
        try writeNew(row, to: &writer)
        if texts.count >= Self.mostTexts { texts.removeAll(keepingCapacity: true) }
        texts[keys[last]] = Array(writer.bytes[start...])
    }

    private func hasPrefix(of keys: [DataIDValue]) -> Bool {
        guard prefix.count == slots.count - 1 else { return false }
        for index in prefix.indices where prefix[index] != keys[slots[index]] { return false }
        return true
    }

    /// Writes the record without looking whether it is known.
    func writeNew(_ row: any DatabaseRow, to writer: inout JSONWriter) throws {
        switch source {
        case .reader(let reader): writer.appendDocument(try reader.record(row).wire)
        case .row(let template): try template.write(row, keys: [], to: &writer)
        }
    }
}
