import AstroTime
import ButlerModel
import StructuredData

/// Writes export files, section by section, as Rubin's software does: block style, keys in its order, its tags.
///
/// A section that ends with a list can be written in pieces: those after the first one *continue* it. Memory: the text
/// that nobody has taken, and the nodes of one piece.
public struct ExportFileWriter {
    private var written: [UInt8] = []
    private var hasSections = false

    /// The text that is written and not taken.
    public var bytes: [UInt8] {
        // A key without a value is no list.
        hasSections ? written : Array(written.dropLast() + Array(" []\n".utf8))
    }

    /// Items of a list that are turned into text at once.
    private static let pieceSize = 500

    public init(universe: DimensionUniverse) {
        let head = YAMLWriter.text(
            .mapping([
                ("description", .text("Butler Data Repository Export")), ("version", .text(ExportFile.version)),
                ("universe_version", YAMLNode(.int(Int64(universe.version)))),
                ("universe_namespace", .text(universe.namespace)),
            ]))
        written = Array("\(head)data:\n".utf8)
    }

    /// Hands over the text so far if it is that long, and there is a section.
    mutating func take(atLeast size: Int) -> [UInt8]? {
        guard hasSections, written.count >= size else { return nil }
        defer { written = [] }
        return written
    }

    private mutating func append(_ text: some Sequence<UInt8>) {
        written += text
        hasSections = true
    }

    /// - Parameter pairs: the entries of the section after its type.
    private static func text(_ type: String, _ pairs: [(String, YAMLNode)]) -> String {
        YAMLWriter.text(.list([.mapping([("type", .text(type))] + pairs)]))
    }

    /// A text with a list of items at its end, in pieces, because there can be very many.
    ///
    /// - Parameters:
    ///   - continues: whether only the items are wanted, as all before them is written.
    ///   - text: with these items in the list.
    private mutating func list<Item>(
        _ items: [Item], continues: Bool, _ node: (Item) throws -> YAMLNode, in text: (YAMLNode) -> String
    ) rethrows {
        let empty = text(.list([])).utf8
        guard !items.isEmpty else {
            if !continues { append(empty) }
            return
        }
        // What comes before the items is the same for each piece, and wanted once.
        let headLength = empty.count - " []\n".utf8.count + 1
        for start in stride(from: 0, to: items.count, by: Self.pieceSize) {
            let piece = items[start..<min(start + Self.pieceSize, items.count)]
            let lines = text(.list(try piece.map(node))).utf8
            append(start == 0 && !continues ? lines[...] : lines.dropFirst(headLength))
        }
    }

    // MARK: Sections

    /// - Throws: `RegionDecodingError` and `TimeError` for values that cannot be written.
    public mutating func records(
        _ element: DimensionElement, _ records: [DimensionRecord], continues: Bool = false
    ) throws {
        func node(_ record: DimensionRecord) throws -> YAMLNode {
            var pairs: [(String, YAMLNode)] = []
            for (column, value) in zip(element.columns, record.values) {
                if case .timespan = column.type {
                    guard case .timespan(let span) = value else { continue }
                    if span.isEmpty {
                        // It has no bounds to write.
                        pairs.append(("timespan", try YAMLNode(span)))
                        continue
                    }
                    let (begin, end) = try YAMLNode.bounds(of: span)
                    pairs += [("datetime_begin", begin), ("datetime_end", end)]
                } else {
                    pairs.append((column.name, try YAMLNode(column: value)))
                }
            }
            return .mapping(pairs)
        }
        try list(records, continues: continues, node) { list in
            Self.text("dimension", [("element", .text(element.name)), ("records", list)])
        }
    }

    public mutating func collection(_ collection: ExportFile.Collection) {
        var pairs: [(String, YAMLNode)] = [
            ("collection_type", .text(collection.type.description)), ("name", .text(collection.name)),
        ]
        if let documentation = collection.documentation { pairs.append(("doc", .text(documentation))) }
        switch collection.type {
        case .run:
            for key in ["host", "timespan_begin", "timespan_end"] { pairs.append((key, YAMLNode(.null))) }
        case .chained: pairs.append(("children", .list(collection.children.map { .text($0) })))
        case .tagged, .calibration: break
        }
        append(Self.text("collection", pairs).utf8)
    }

    public mutating func datasetType(_ type: DatasetType) {
        let pairs: [(String, YAMLNode)] = [
            ("name", .text(type.name)), ("dimensions", .list(type.dimensions.names.map { .text($0) })),
            ("storage_class", .text(type.storageClass)), ("is_calibration", YAMLNode(.bool(type.isCalibration))),
        ]
        append(Self.text("dataset_type", pairs).utf8)
    }

    /// A dataset type, and its datasets in one run.
    public mutating func datasets(_ type: DatasetType, run: String, files: [ExportFile.File], continues: Bool = false) {
        if !continues { datasetType(type) }
        let names = type.dimensions.requiredNames
        func node(_ file: ExportFile.File) -> YAMLNode {
            let dataIDs = file.datasets.map { dataset in
                YAMLNode.mapping(names.compactMap { name in dataset.dataID[name].map { (name, YAMLNode(key: $0)) } })
            }
            return .mapping([
                ("dataset_id", .list(file.datasets.map { YAMLNode($0.id) })), ("data_id", .list(dataIDs)),
                ("path", file.path.map { .text($0) } ?? YAMLNode(.null)),
                ("formatter", file.formatter.map { .text($0) } ?? YAMLNode(.null)),
            ])
        }
        list(files, continues: continues, node) { list in
            Self.text("dataset", [("dataset_type", .text(type.name)), ("run", .text(run)), ("records", list)])
        }
    }

    public mutating func tags(_ tags: ExportFile.Tags, continues: Bool = false) {
        list(tags.ids, continues: continues, { YAMLNode($0) }) { list in
            Self.associations(tags.collection, .tagged, ("dataset_ids", list))
        }
    }

    /// - Parameter ranges: all of one collection.
    public mutating func validityRanges(_ ranges: [ExportFile.ValidityRange], of collection: String) throws {
        for (index, range) in ranges.enumerated() {
            try validityRange(
                .init(collection: collection, timespan: range.timespan, ids: range.ids),
                after: index > 0 ? .otherRanges : nil)
        }
        if ranges.isEmpty { append(Self.associations(collection, .calibration, ("validity_ranges", .list([]))).utf8) }
    }

    /// What of a collection's validity ranges is written before a piece.
    enum PrecedingRanges {
        case otherRanges
        /// The range itself, of which further datasets come.
        case sameRange
    }

    /// - Parameter before: `nil` for the first of a collection.
    mutating func validityRange(_ range: ExportFile.ValidityRange, after before: PrecedingRanges? = nil) throws {
        let timespan = try YAMLNode(range.timespan)
        func text(_ ranges: [YAMLNode]) -> String {
            Self.associations(range.collection, .calibration, ("validity_ranges", .list(ranges)))
        }
        var whole = ExportFileWriter()
        whole.list(range.ids, continues: before == .sameRange, { YAMLNode($0) }) { list in
            text([.mapping([("timespan", timespan), ("dataset_ids", list)])])
        }
        let headLength = before == .otherRanges ? text([]).utf8.count - " []\n".utf8.count + 1 : 0
        append(whole.written.dropFirst(headLength))
    }

    private init() {}

    private static func associations(
        _ collection: String, _ type: CollectionType, _ members: (String, YAMLNode)
    ) -> String {
        text(
            "associations",
            [("collection", .text(collection)), ("collection_type", .text(type.description)), members])
    }
}
