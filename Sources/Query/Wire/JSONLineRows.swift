import ButlerModel
import Database
import QueryModel
import Registry
import StructuredData

/// Writes rows as the lines of a query's response: each page is one JSON document with a line break.
/// Source: remote Butler protocol reference, sections 8.3 and 8.4.
final class JSONLineRows: RowWriter {
    /// A page ends once it is as long as this.
    private static let pageBytes = 1 << 18

    private let head: [UInt8]
    private let program: RowProgram
    /// Reads the keys of rows, where records are looked up by them.
    private var keys: KeyTracker?
    /// Records by element that pages of general results carry beside their rows.
    private let records: [PageRecords]?
    /// For dimension records, which are a set page by page.
    private let unique: RecordPiece?
    private var seen: Set<[DataIDValue]> = []
    private var text: PageText
    private var rowCount = 0
    private(set) var isFull = false

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
        program = RowProgram(template)
        let needsKeys = template.hasRecords || unique != nil || records != nil
        keys = needsKeys ? try KeyTracker(result.dimensions.keys, layout, snapshot) : nil
        head = Array("{\"type\":\"\(type)\",\"rows\":[".utf8)
        text = PageText(capacity: Self.pageBytes / 4)
        text.append(head)
    }

    func append(_ row: any DatabaseRow) throws {
        var keys: RowKeys?
        if let changed = try self.keys?.advance(to: row), let values = self.keys?.values {
            keys = RowKeys(values: values, changed: changed)
        }
        if let unique, let keys, !seen.insert(unique.key(keys.values)).inserted { return }
        rowCount += 1
        try write(row, keys, to: &text)
        // Records that repeat must meet in one page.
        isFull = unique == nil && text.count >= Self.pageBytes
    }

    private func write(_ row: any DatabaseRow, _ keys: RowKeys?, to text: inout PageText) throws {
        if text.count > head.count { text.append(UInt8(ascii: ",")) }
        if let unique { return try unique.writeNew(row, to: &text) }
        try program.write(row, keys: keys, to: &text)
        guard let records, let keys else { return }
        for record in records { try record.add(row, keys: keys) }
    }

    func takePage() -> ResultLine {
        text.append("]")
        if let records {
            text.append(",\"dimension_records\":{")
            for (index, record) in records.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                record.write(to: &text)
            }
            text.append("}")
        } else if head.starts(with: "{\"type\":\"general\"".utf8) {
            text.append(",\"dimension_records\":null")
        }
        text.append("}\n")
        let page = text.take()
        text.append(head)
        seen.removeAll(keepingCapacity: true)
        isFull = false
        defer { rowCount = 0 }
        return ResultLine(text: page, rowCount: rowCount)
    }
}

// MARK: - Forms of rows

extension RowTemplate {
    /// `{"dataId":{…},"records":…}`
    fileprivate mutating func appendCoordinate(
        _ group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot, withRecords: Bool
    ) throws {
        append("{\"dataId\":{")
        for (index, position) in group.required.enumerated() {
            append("\(index == 0 ? "" : ",")\"\(group.universe.elements[position].name)\":")
            append(try RowPiece(key: position, layout, snapshot))
        }
        let implied = group.keys.dropFirst(group.required.count)
        if !implied.isEmpty {
            var template = RowTemplate()
            for position in implied {
                template.append(",\"\(group.universe.elements[position].name)\":")
                template.append(try RowPiece(key: position, layout, snapshot))
            }
            append(.implied(try ImpliedKeys(template, of: group, layout, snapshot)))
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
    private var text = PageText()

    init(_ piece: RecordPiece) { self.piece = piece }

    func add(_ row: any DatabaseRow, keys: RowKeys) throws {
        if keys.changed & piece.keyBits == 0, !seen.isEmpty { return }
        guard seen.insert(piece.key(keys.values)).inserted else { return }
        if text.count > 0 { text.append(UInt8(ascii: ",")) }
        try piece.writeNew(row, to: &text)
    }

    /// Writes `"element":[…]` and forgets the records.
    func write(to target: inout PageText) {
        target.append(Array("\"\(piece.element.name)\":[".utf8))
        target.append(text)
        target.append(UInt8(ascii: "]"))
        seen.removeAll(keepingCapacity: true)
        text.removeAll()
    }
}
