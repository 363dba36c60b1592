import AstroTime
import ButlerModel
import StructuredData

/// Writes export files, section by section, as Rubin's software does: block style, keys in its order, its tags.
///
/// Memory: the text, and the nodes of one piece of a section.
public struct ExportFileWriter {
    private var written: [UInt8] = []
    private let emptyCount: Int

    /// The file as far as it is written.
    public var bytes: [UInt8] {
        // A key without a value is no list.
        written.count > emptyCount ? written : Array(written.dropLast() + Array(" []\n".utf8))
    }

    /// Records of a section that are turned into text at once.
    private static let pieceSize = 500

    public init(universe: DimensionUniverse) {
        let head = YAMLWriter.text(
            .mapping([
                ("description", .text("Butler Data Repository Export")), ("version", .text(ExportFile.version)),
                ("universe_version", YAMLNode(.int(Int64(universe.version)))),
                ("universe_namespace", .text(universe.namespace)),
            ]))
        written = Array("\(head)data:\n".utf8)
        emptyCount = written.count
    }

    private mutating func append(_ node: YAMLNode) { written += YAMLWriter.text(node).utf8 }

    /// - Parameter pairs: the entries of the section after its type.
    private mutating func section(_ type: String, _ pairs: [(String, YAMLNode)]) {
        append(.list([.mapping([("type", .text(type))] + pairs)]))
    }

    /// A section whose last entry is a list of records; made in pieces, because there can be very many.
    private mutating func section<Item>(
        _ type: String, _ pairs: [(String, YAMLNode)], records: [Item], _ node: (Item) throws -> YAMLNode
    ) rethrows {
        func text(_ items: [YAMLNode]) -> String {
            YAMLWriter.text(.list([.mapping([("type", .text(type))] + pairs + [("records", .list(items))])]))
        }
        guard !records.isEmpty else {
            written += text([]).utf8
            return
        }
        // What comes before the records is the same for each piece, and wanted once.
        let headLength = text([]).utf8.count - " []\n".utf8.count + 1
        var start = 0
        while start < records.count {
            let piece = records[start..<min(start + Self.pieceSize, records.count)]
            let lines = text(try piece.map(node)).utf8
            written += start == 0 ? lines[...] : lines.dropFirst(headLength)
            start += Self.pieceSize
        }
    }

    // MARK: Sections

    /// - Throws: `RegionDecodingError` and `TimeError` for values that cannot be written.
    public mutating func records(_ element: DimensionElement, _ records: [DimensionRecord]) throws {
        try section("dimension", [("element", .text(element.name))], records: records) { record in
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
        section("collection", pairs)
    }

    public mutating func datasetType(_ type: DatasetType) {
        section(
            "dataset_type",
            [
                ("name", .text(type.name)), ("dimensions", .list(type.dimensions.names.map { .text($0) })),
                ("storage_class", .text(type.storageClass)), ("is_calibration", YAMLNode(.bool(type.isCalibration))),
            ])
    }

    /// A dataset type, and its datasets in one run.
    public mutating func datasets(_ type: DatasetType, run: String, files: [ExportFile.File]) {
        datasetType(type)
        let names = type.dimensions.requiredNames
        section("dataset", [("dataset_type", .text(type.name)), ("run", .text(run))], records: files) { file in
            let dataIDs = file.datasets.map { dataset in
                YAMLNode.mapping(names.compactMap { name in dataset.dataID[name].map { (name, YAMLNode(key: $0)) } })
            }
            return .mapping([
                ("dataset_id", .list(file.datasets.map { YAMLNode($0.id) })), ("data_id", .list(dataIDs)),
                ("path", file.path.map { .text($0) } ?? YAMLNode(.null)),
                ("formatter", file.formatter.map { .text($0) } ?? YAMLNode(.null)),
            ])
        }
    }

    public mutating func tags(_ tags: ExportFile.Tags) {
        section(
            "associations",
            [
                ("collection", .text(tags.collection)), ("collection_type", .text(CollectionType.tagged.description)),
                ("dataset_ids", .list(tags.ids.map { YAMLNode($0) })),
            ])
    }

    /// - Parameter ranges: all of one collection.
    public mutating func validityRanges(_ ranges: [ExportFile.ValidityRange], of collection: String) throws {
        section(
            "associations",
            [
                ("collection", .text(collection)),
                ("collection_type", .text(CollectionType.calibration.description)),
                (
                    "validity_ranges",
                    .list(
                        try ranges.map { range in
                            .mapping([
                                ("timespan", try YAMLNode(range.timespan)),
                                ("dataset_ids", .list(range.ids.map { YAMLNode($0) })),
                            ])
                        })
                ),
            ])
    }
}
