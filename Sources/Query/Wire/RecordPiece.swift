import ButlerModel
import Database
import Registry
import StructuredData

/// The JSON text of the record of one element, which many rows share: it is written once and kept while it repeats.
final class RecordPiece {
    let element: DimensionElement
    private let keys: KeyReader
    private let source: Source
    private var texts: [[DataIDValue]: [UInt8]] = [:]
    private static let mostTexts = 4096

    private enum Source {
        case reader(RecordReader)
        case row([RowPiece])
    }

    init(_ element: DimensionElement, _ layout: RowLayout, _ snapshot: RegistrySnapshot, usesMemory: Bool) throws {
        self.element = element
        keys = try KeyReader(element.required, snapshot.universe, layout)
        let isInRow = element.skypix == nil && !(usesMemory && element.isCached)
        guard isInRow else {
            source = .reader(try RecordReader(element, layout, snapshot, usesMemory: true))
            return
        }
        var pieces: [RowPiece] = [.text(Array("{\"definition\":\"\(element.name)\",\"record\":{".utf8))]
        for (index, column) in element.columns.enumerated() {
            let position =
                switch column.role {
                case .required(let dimension), .implied(let dimension): try layout.require(.key(dimension))
                case .alternateKey, .metadata, .region, .timespan:
                    try layout.require(.field(element: element.position, column: index))
                }
            pieces.append(.text(Array("\(index == 0 ? "" : ",")\"\(column.name)\":".utf8)))
            pieces.append(RowPiece(position, type: column.type))
        }
        pieces.append(.text(Array("}}".utf8)))
        source = .row(pieces)
    }

    /// What identifies the row's record.
    func key(_ row: any DatabaseRow) throws -> [DataIDValue] { try keys.values(row) }

    func write(_ row: any DatabaseRow, to writer: inout JSONWriter) throws {
        let key = try keys.values(row)
        if let text = texts[key] {
            writer.bytes.append(contentsOf: text)
            return
        }
        let start = writer.bytes.count
        try writeNew(row, to: &writer)
        if texts.count >= Self.mostTexts { texts.removeAll(keepingCapacity: true) }
        texts[key] = Array(writer.bytes[start...])
    }

    /// Writes the record without looking whether it is known.
    func writeNew(_ row: any DatabaseRow, to writer: inout JSONWriter) throws {
        switch source {
        case .reader(let reader): writer.appendDocument(try reader.record(row).wire)
        case .row(let pieces): for piece in pieces { try piece.write(row, to: &writer) }
        }
    }
}
