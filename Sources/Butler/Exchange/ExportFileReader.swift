import AstroTime
import ButlerModel
import Datastore
import StructuredData

extension ExportFile {
    /// Reads an export file of any version from 1.0.0 on.
    ///
    /// - Throws: ``ExportFileError`` and `YAMLError`, with line and column; what reading the text throws.
    /// - Complexity: O(n). Text and files are not in memory as a whole; all else that the file says is.
    public init(yaml source: YAMLSource, limits: YAMLLimits = YAMLLimits()) throws {
        var reader = ExportFileReader(bytes: source.count, limits: limits)
        guard try YAMLNode.visit(source, path: ["data", "records"], limits: limits, visitor: &reader) else {
            throw ExportFileError.empty
        }
        self = try reader.finish()
    }
}

/// Builds an ``ExportFile`` from the pieces of its text.
struct ExportFileReader: YAMLPartVisitor {
    private var file = ExportFile()
    private var values: ExportValues
    /// The last one; most files have the same.
    private var checkedFormatter: String?
    private var hasVersion = false
    private var hasData = false
    private var section = Section(at: TextPosition(line: 1, column: 1), number: 0)

    /// What is known of the section that is being read.
    private struct Section {
        let position: TextPosition
        let number: Int
        var type: String?
        var entries: [String: YAMLNode] = [:]
        var records: [[String: ColumnValue]] = []
        var fileCount = 0
        var datasetCount = 0
        /// Records that came before the type of the section.
        var pending: [YAMLNode] = []

        init(at position: TextPosition, number: Int) {
            self.position = position
            self.number = number
        }
    }

    init(bytes: Int, limits: YAMLLimits) { values = ExportValues(bytes: bytes, limit: limits.aliasedValues) }

    // MARK: Pieces

    mutating func entry(_ key: String, _ node: YAMLNode, level: Int) throws {
        if level == 0 { return try header(key, node) }
        if key == "type" {
            section.type = try values.string(node, "the type of a section")
            for node in section.pending { try record(node) }
            section.pending = []
        } else {
            try values.spend(node)
            section.entries[key] = node
        }
    }

    private mutating func header(_ key: String, _ node: YAMLNode) throws {
        switch key {
        case "version":
            guard case .scalar(let text) = node.content else {
                throw ExportValues.failure("'version' must be text", node)
            }
            try Self.check(version: text)
            hasVersion = true
        case "universe_version":
            guard case .int(let number)? = try values.plain(node) else {
                throw ExportValues.failure("'universe_version' must be a whole number", node)
            }
            file.universeVersion = number
        case "universe_namespace": file.universeNamespace = try values.string(node, "'universe_namespace'")
        case "data": throw ExportValues.failure("'data' must be a list, not \(node.kindName)", node)
        default: try values.spend(node)
        }
    }

    /// 0 is the name that version 1.0.0 had before there were versions.
    private static func check(version: String) throws(ExportFileError) {
        if version == "0" { return }
        let parts = version.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 3, let major = parts[0], let minor = parts[1], parts[2] != nil, major == 1, minor == 0
        else { throw .unsupportedVersion(version) }
    }

    mutating func beginList(level: Int, at position: TextPosition) throws {
        if level == 0 { hasData = true }
    }

    mutating func beginItem(level: Int, at position: TextPosition) throws {
        section = Section(at: position, number: section.number + 1)
    }

    mutating func value(_ node: YAMLNode) throws {
        if section.type == nil { section.pending.append(node) } else { try record(node) }
    }

    private mutating func record(_ node: YAMLNode) throws {
        switch section.type {
        case "dimension": section.records.append(try values.record(node))
        case "dataset":
            let found = try datasets(in: node)
            try file.files.append(found, section: section.number)
            section.fileCount += 1
            section.datasetCount += found.datasets.count
        default: try values.spend(node)
        }
    }

    private mutating func datasets(in node: YAMLNode) throws -> ExportFile.File {
        var ids: [DatasetID] = []
        var dataIDs: [[String: DataIDValue]] = []
        var path: String?
        var formatter: String?
        for (key, value) in try values.entries(node, "a dataset record") {
            switch key {
            case "dataset_id": ids = try values.datasetIDs(value)
            case "data_id":
                if case .mapping = value.content {
                    dataIDs = [try values.dataID(value)]
                } else {
                    dataIDs = []
                    for item in try values.items(value, "data_id") { dataIDs.append(try values.dataID(item)) }
                }
            case "path": path = try values.optionalString(value, "the path of a dataset")
            case "formatter":
                formatter = try values.optionalString(value, "the formatter of a dataset")
                if let formatter { try check(formatter: formatter, value) }
            default: try values.spend(value)
            }
        }
        guard !ids.isEmpty, ids.count == dataIDs.count else {
            throw ExportValues.failure(
                "a dataset record needs as many data IDs as identifiers, and at least one; it has \(ids.count) "
                    + "identifiers and \(dataIDs.count) data IDs", node)
        }
        return ExportFile.File(
            datasets: zip(ids, dataIDs).map { .init(id: $0, dataID: $1) }, path: path, formatter: formatter)
    }

    private mutating func check(formatter: String, _ node: YAMLNode) throws {
        if formatter == checkedFormatter { return }
        guard StoredFileInfo.isClassName(formatter) else {
            throw ExportValues.failure("'\(formatter)' is no class name of a formatter", node)
        }
        checkedFormatter = formatter
    }

    // MARK: Sections

    mutating func endItem(level: Int) throws {
        guard let type = section.type else {
            throw ExportFileError.malformed("a section of 'data' has no 'type'", at: section.position)
        }
        switch type {
        case "dimension":
            let element = try text("element")
            file.records.append(.init(element: element, records: section.records))
        case "collection": try collection()
        case "run": file.collections.append(.init(name: try text("name"), type: .run))
        case "dataset_type":
            let dimensions = try values.strings(try entry("dimensions"), "'dimensions'")
            file.datasetTypes.append(
                .init(
                    name: try text("name"), dimensions: dimensions, storageClass: try text("storage_class"),
                    isCalibration: try flag("is_calibration")))
        case "dataset":
            file.datasets.append(
                .init(
                    section: section.number, datasetType: try text("dataset_type"), run: try text("run"),
                    fileCount: section.fileCount, datasetCount: section.datasetCount))
        case "associations": try associations()
        default: throw ExportFileError.malformed("there is no section type '\(type)'", at: section.position)
        }
        section = Section(at: section.position, number: section.number)
    }

    private func entry(_ key: String) throws -> YAMLNode {
        guard let node = section.entries[key] else {
            throw ExportFileError.malformed(
                "a section of type '\(section.type ?? "")' lacks '\(key)'", at: section.position)
        }
        return node
    }

    private mutating func text(_ key: String) throws -> String { try values.string(try entry(key), "'\(key)'") }

    private mutating func flag(_ key: String) throws -> Bool {
        guard let node = section.entries[key] else { return false }
        guard case .bool(let flag)? = try values.plain(node) else {
            throw ExportValues.failure("'\(key)' must be true or false", node)
        }
        return flag
    }

    private mutating func collectionType() throws -> CollectionType {
        let node = try entry("collection_type")
        guard let type = CollectionType(name: try values.string(node, "'collection_type'")) else {
            throw ExportValues.failure("'collection_type' must be RUN, TAGGED, CHAINED or CALIBRATION", node)
        }
        return type
    }

    private mutating func collection() throws {
        var collection = ExportFile.Collection(name: try text("name"), type: try collectionType())
        if let node = section.entries["doc"] { collection.documentation = try values.optionalString(node, "'doc'") }
        if collection.type == .chained {
            for child in try values.items(try entry("children"), "'children'") {
                guard case .sequence(let pair) = child.content else {
                    collection.children.append(try values.string(child, "a member of a chain"))
                    continue
                }
                // The form of the early years: a name, and a restriction that no longer exists.
                try values.spend(child)
                guard pair.count == 2 else { throw ExportValues.failure("a member of a chain must be a name", child) }
                collection.children.append(try values.string(pair[0], "a member of a chain"))
            }
        }
        file.collections.append(collection)
    }

    private mutating func associations() throws {
        let collection = try text("collection")
        switch try collectionType() {
        case .tagged:
            file.tags.append(.init(collection: collection, ids: try values.datasetIDs(try entry("dataset_ids"))))
        case .calibration:
            for range in try values.items(try entry("validity_ranges"), "'validity_ranges'") {
                let members = Dictionary(
                    try values.entries(range, "a validity range"), uniquingKeysWith: { _, last in last })
                guard let ids = members["dataset_ids"] else {
                    throw ExportValues.failure("a validity range lacks 'dataset_ids'", range)
                }
                var timespan: Timespan?
                if let node = members["timespan"] {
                    timespan = try values.timespan(node)
                } else if let begin = members["begin"], let end = members["end"] {
                    timespan = try values.timespan(begin, end)
                }
                guard let timespan else { throw ExportValues.failure("a validity range lacks 'timespan'", range) }
                file.validityRanges.append(
                    .init(collection: collection, timespan: timespan, ids: try values.datasetIDs(ids)))
            }
        case let other:
            throw ExportFileError.malformed(
                "'associations' belong to TAGGED and CALIBRATION collections, not \(other)", at: section.position)
        }
    }

    /// - Throws: ``ExportFileError`` when the file lacks what every export file has.
    func finish() throws(ExportFileError) -> ExportFile {
        let start = TextPosition(line: 1, column: 1)
        guard hasVersion else { throw .malformed("it has no 'version'", at: start) }
        guard hasData else { throw .malformed("it has no list 'data'", at: start) }
        return file
    }
}
