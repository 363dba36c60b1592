import ButlerModel
import Database
import QueryModel
import Registry
import StructuredData

/// Writes rows as the lines of a query's response: each page is one JSON document with a line break.
/// Source: remote Butler protocol reference, sections 8.3 and 8.4.
final class JSONLineRows: RowWriter {
    /// A page ends once it is as long as this.
    private static let pageBytes = 1 << 20

    private let head: [UInt8]
    private let template: RowTemplate
    /// Reads the keys of rows, where records are looked up by them.
    private let keys: KeyReader?
    /// Records by element that pages of general results carry beside their rows.
    private let records: [PageRecords]?
    /// For dimension records, which are a set page by page.
    private let unique: RecordPiece?
    private var seen: Set<[DataIDValue]> = []
    private var writer: JSONWriter
    private var rowCount = 0

    init(_ result: ResultSpecification, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        let type: String
        var records: [PageRecords]?
        var unique: RecordPiece?
        var template = RowTemplate()
        switch result.kind {
        case .dataCoordinates(let group, let withRecords):
            type = "data_coordinate"
            try template.appendCoordinate(group, layout, snapshot, withRecords: withRecords)
        case .dimensionRecords(let element, _):
            type = "dimension_record"
            unique = try RecordPiece(
                element, in: result.dimensions, layout, snapshot, usesMemory: false)
        case .datasetRefs(let refs):
            type = "dataset_ref"
            try template.appendDatasetRef(refs, layout, snapshot)
        case .general(let general):
            type = "general"
            try template.appendGeneral(general, layout, snapshot)
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
        self.template = template
        let needsKeys = template.hasRecords || unique != nil || records != nil
        keys = needsKeys ? try KeyReader(result.dimensions, layout, snapshot) : nil
        head = Array("{\"type\":\"\(type)\",\"rows\":[".utf8)
        writer = JSONWriter(options: LineJSON.options, reservingCapacity: Self.pageBytes / 4)
        writer.bytes.append(contentsOf: head)
    }

    func append(_ row: any DatabaseRow) throws {
        let keys = try keys?.values(row) ?? []
        if let unique, !seen.insert(unique.key(keys)).inserted { return }
        rowCount += 1
        // Out of the object while it grows: its own memory is checked at each access.
        var writer = JSONWriter(options: LineJSON.options)
        swap(&writer, &self.writer)
        defer { swap(&writer, &self.writer) }
        if writer.bytes.count > head.count { writer.bytes.append(UInt8(ascii: ",")) }
        if let unique {
            try unique.writeNew(row, to: &writer)
            return
        }
        try template.write(row, keys: keys, to: &writer)
        for record in records ?? [] { try record.add(row, keys: keys) }
    }

    // Records that repeat must meet in one page.
    var isFull: Bool { unique == nil && writer.bytes.count >= Self.pageBytes }

    func takePage() -> ResultLine {
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
        defer { rowCount = 0 }
        return ResultLine(bytes: page, rowCount: rowCount)
    }
}

// MARK: - Forms of rows

extension RowTemplate {
    /// `{"dataId":{…},"records":…}`
    fileprivate mutating func appendCoordinate(
        _ group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot, withRecords: Bool
    ) throws {
        append("{\"dataId\":{")
        for (index, position) in group.keys.enumerated() {
            append("\(index == 0 ? "" : ",")\"\(group.universe.elements[position].name)\":")
            append(try RowPiece(key: position, layout, snapshot))
        }
        // The empty data ID is complete as it is.
        guard withRecords || group.isEmpty else {
            append("},\"records\":null}")
            return
        }
        append("},\"records\":{")
        for (index, element) in group.elements.enumerated() {
            append("\(index == 0 ? "" : ",")\"\(element.name)\":")
            append(try RecordPiece(element, in: group, layout, snapshot, usesMemory: true))
        }
        append("}}")
    }

    fileprivate mutating func appendDatasetRef(
        _ refs: ResultSpecification.DatasetRefs, _ layout: RowLayout, _ snapshot: RegistrySnapshot
    ) throws {
        let type = try snapshot.datasetType(refs.datasetType)
        append("{\"id\":")
        append(.uuid(try layout.require(.dataset(type: refs.datasetType, .datasetID))))
        append(",\"datasetType\":")
        append(LineJSON.text { $0.value(type.wire) })
        append(",\"dataId\":")
        try appendCoordinate(refs.dimensions, layout, snapshot, withRecords: refs.withRecords)
        append(",\"run\":")
        append(.collection(try layout.require(.dataset(type: refs.datasetType, .run)), CollectionNames(snapshot)))
        append(",\"component\":null}")
    }

    fileprivate mutating func appendGeneral(
        _ general: ResultSpecification.General, _ layout: RowLayout, _ snapshot: RegistrySnapshot
    ) throws {
        let names = CollectionNames(snapshot)
        append("[")
        for (index, column) in general.columns.enumerated() {
            if index > 0 { append(",") }
            append(try RowPiece(column, layout, names, snapshot))
        }
        append("]")
    }
}

extension RowPiece {
    fileprivate init(key position: Int, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        if layout.derivedKeys[position] != nil {
            self = .derivedKey(try DerivedKey(position, layout, snapshot))
        } else {
            let type = snapshot.universe.elements[position].primaryKey?.type ?? .int
            self.init(try layout.require(.key(position)), type: type)
        }
    }

    fileprivate init(
        _ column: ColumnReference, _ layout: RowLayout, _ names: CollectionNames, _ snapshot: RegistrySnapshot
    ) throws {
        if case .dimensionKey(let dimension) = column {
            try self.init(key: dimension.position, layout, snapshot)
            return
        }
        let place = try layout.require(column.resultColumn)
        switch column {
        case .dimensionKey(let dimension): self.init(place, type: dimension.primaryKey?.type ?? .int)
        case .dimensionField(let element, let index): self.init(place, type: element.columns[index].type)
        case .datasetField(_, let field):
            switch field {
            case .datasetID: self = .uuid(place)
            case .collection, .run: self = .collection(place, names)
            case .timespan: self = .timespan(place)
            case .ingestDate: self = snapshot.schema.storesIngestDateAsText ? .ingestDateText(place) : .int(place)
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
