import ButlerModel
import Database
import QueryModel
import Registry
import StructuredData

/// Writes rows as the lines of a query's response: each page is one JSON document with a line break.
/// Source: remote Butler protocol reference, sections 8.3 and 8.4.
final class JSONLineRows: RowWriter {
    private enum Part {
        case piece(RowPiece)
        case record(RecordPiece)
    }

    /// A page ends once it is as long as this.
    private static let pageBytes = 1 << 20

    private let head: [UInt8]
    private let parts: [Part]
    /// Reads the keys of rows, where records are looked up by them.
    private let keys: KeyReader?
    /// Records by element that pages of general results carry beside their rows.
    private let records: [PageRecords]?
    /// For dimension records, which are a set page by page.
    private let unique: RecordPiece?
    private var seen: Set<[DataIDValue]> = []
    private var writer: JSONWriter

    init(_ result: ResultSpecification, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        let type: String
        var records: [PageRecords]?
        var unique: RecordPiece?
        switch result.kind {
        case .dataCoordinates(let group, let withRecords):
            type = "data_coordinate"
            parts = try Self.coordinate(group, layout, snapshot, withRecords: withRecords)
        case .dimensionRecords(let element, _):
            type = "dimension_record"
            unique = try RecordPiece(
                element, in: result.dimensions, layout, snapshot, usesMemory: false)
            parts = []
        case .datasetRefs(let refs):
            type = "dataset_ref"
            parts = try Self.datasetRef(refs, layout, snapshot)
        case .general(let general):
            type = "general"
            parts = try Self.general(general, layout, snapshot)
            if general.withRecords {
                records = try general.dimensions.elements.filter { !$0.isStoredAlone }
                    .map {
                        PageRecords(
                            try RecordPiece($0, in: general.dimensions, layout, snapshot, usesMemory: true))
                    }
            }
        }
        self.records = records
        self.unique = unique
        let hasRecords = parts.contains { if case .record = $0 { true } else { false } }
        keys = hasRecords || unique != nil || records != nil ? try KeyReader(result.dimensions, layout) : nil
        head = Array("{\"type\":\"\(type)\",\"rows\":[".utf8)
        writer = JSONWriter(options: LineJSON.options, reservingCapacity: Self.pageBytes / 4)
        writer.bytes.append(contentsOf: head)
    }

    func append(_ row: any DatabaseRow) throws {
        let keys = try keys?.values(row) ?? []
        if let unique, !seen.insert(unique.key(keys)).inserted { return }
        // Out of the object while it grows: its own memory is checked at each access.
        var writer = JSONWriter(options: LineJSON.options)
        swap(&writer, &self.writer)
        defer { swap(&writer, &self.writer) }
        if writer.bytes.count > head.count { writer.bytes.append(UInt8(ascii: ",")) }
        if let unique {
            try unique.writeNew(row, to: &writer)
            return
        }
        for part in parts {
            switch part {
            case .piece(let piece): try piece.write(row, to: &writer)
            case .record(let record): try record.write(row, keys: keys, to: &writer)
            }
        }
        for record in records ?? [] { try record.add(row, keys: keys) }
    }

    // Records that repeat must meet in one page.
    var isFull: Bool { unique == nil && writer.bytes.count >= Self.pageBytes }

    func takePage() -> [UInt8] {
        writer.bytes.append(UInt8(ascii: "]"))
        if let records {
            writer.bytes.append(contentsOf: ",\"dimension_records\":{".utf8)
            for (index, record) in records.enumerated() {
                if index > 0 { writer.bytes.append(UInt8(ascii: ",")) }
                record.write(to: &writer)
            }
            writer.bytes.append(UInt8(ascii: "}"))
        } else if head.starts(with: "{\"type\":\"general\"".utf8) {
            writer.bytes.append(contentsOf: ",\"dimension_records\":null".utf8)
        }
        writer.bytes.append(contentsOf: "}\n".utf8)
        let page = writer.bytes
        writer.bytes = []
        writer.bytes.reserveCapacity(page.count + page.count / 8)
        writer.bytes.append(contentsOf: head)
        seen.removeAll(keepingCapacity: true)
        return page
    }

    // MARK: Pieces

    private static func text(_ text: String) -> Part { .piece(.text(Array(text.utf8))) }

    /// `{"dataId":{…},"records":…}`
    private static func coordinate(
        _ group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot, withRecords: Bool
    ) throws -> [Part] {
        var pieces = [text("{\"dataId\":{")]
        for (index, position) in group.keys.enumerated() {
            let dimension = group.universe.elements[position]
            pieces.append(text("\(index == 0 ? "" : ",")\"\(dimension.name)\":"))
            pieces.append(.piece(try key(position, group, layout)))
        }
        // The empty data ID is complete as it is.
        guard withRecords || group.isEmpty else { return pieces + [text("},\"records\":null}")] }
        pieces.append(text("},\"records\":{"))
        for (index, element) in group.elements.enumerated() {
            pieces.append(text("\(index == 0 ? "" : ",")\"\(element.name)\":"))
            pieces.append(.record(try RecordPiece(element, in: group, layout, snapshot, usesMemory: true)))
        }
        return pieces + [text("}}")]
    }

    private static func key(_ position: Int, _ group: DimensionGroup, _ layout: RowLayout) throws -> RowPiece {
        RowPiece(
            try layout.require(.key(position)), type: group.universe.elements[position].primaryKey?.type ?? .int)
    }

    private static func datasetRef(
        _ refs: ResultSpecification.DatasetRefs, _ layout: RowLayout, _ snapshot: RegistrySnapshot
    ) throws -> [Part] {
        let type = try snapshot.datasetType(refs.datasetType)
        var pieces = [
            text("{\"id\":"), .piece(.uuid(try layout.require(.dataset(type: refs.datasetType, .datasetID)))),
            .piece(
                .text(
                    Array(",\"datasetType\":".utf8) + LineJSON.text { $0.value(type.wire) } + Array(",\"dataId\":".utf8))
            ),
        ]
        pieces += try coordinate(refs.dimensions, layout, snapshot, withRecords: refs.withRecords)
        return pieces + [
            text(",\"run\":"),
            .piece(.collection(try layout.require(.dataset(type: refs.datasetType, .run)), CollectionNames(snapshot))),
            text(",\"component\":null}"),
        ]
    }

    private static func general(
        _ general: ResultSpecification.General, _ layout: RowLayout, _ snapshot: RegistrySnapshot
    ) throws -> [Part] {
        let names = CollectionNames(snapshot)
        var pieces: [Part] = []
        for (index, column) in general.columns.enumerated() {
            pieces.append(text(index == 0 ? "[" : ","))
            pieces.append(.piece(piece(column, try layout.require(column.resultColumn), names, snapshot)))
        }
        return pieces + [text(general.columns.isEmpty ? "[]" : "]")]
    }
}

extension JSONLineRows {
    private static func piece(
        _ column: ColumnReference, _ place: Int, _ names: CollectionNames, _ snapshot: RegistrySnapshot
    ) -> RowPiece {
        switch column {
        case .dimensionKey(let dimension): RowPiece(place, type: dimension.primaryKey?.type ?? .int)
        case .dimensionField(let element, let index): RowPiece(place, type: element.columns[index].type)
        case .datasetField(_, let field):
            switch field {
            case .datasetID: .uuid(place)
            case .collection, .run: .collection(place, names)
            case .timespan: .timespan(place)
            case .ingestDate: snapshot.schema.storesIngestDateAsText ? .ingestDateText(place) : .int(place)
            }
        }
    }
}

/// The records of one element that occur in a page.
private final class PageRecords {
    private let piece: RecordPiece
    private var seen: Set<[DataIDValue]> = []
    private var writer = JSONWriter(options: LineJSON.options)

    init(_ piece: RecordPiece) { self.piece = piece }

    func add(_ row: any DatabaseRow, keys: [DataIDValue]) throws {
        guard seen.insert(piece.key(keys)).inserted else { return }
        if !writer.bytes.isEmpty { writer.bytes.append(UInt8(ascii: ",")) }
        try piece.writeNew(row, to: &writer)
    }

    /// Writes `"element":[…]` and forgets the records.
    func write(to target: inout JSONWriter) {
        target.bytes.append(contentsOf: "\"\(piece.element.name)\":[".utf8)
        target.bytes.append(contentsOf: writer.bytes)
        target.bytes.append(UInt8(ascii: "]"))
        seen.removeAll(keepingCapacity: true)
        writer.bytes.removeAll(keepingCapacity: true)
    }
}
