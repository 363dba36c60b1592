import AstroTime
import ButlerModel
import ByteText
import SkyGeometry
import StructuredData

/// The tags of export files, and the values that they mark. Source: repository format reference, section 8.1.
enum ExportTag {
    static let uuid = "!uuid"
    static let time = "!butler_time/tai/iso"
    static let timespan = "!lsst.daf.butler.Timespan"
    static let emptyTimespan = "EMPTY"
    static let regionPrefix = "lsst.sphgeom."

    /// Names of the region classes.
    static func regionClass(of region: Region) -> String {
        switch region {
        case .box: "Box"
        case .circle: "Circle"
        case .ellipse: "Ellipse"
        case .polygon: "ConvexPolygon"
        case .union: "UnionRegion"
        case .intersection: "IntersectionRegion"
        }
    }
}

// MARK: - Writing

extension YAMLNode {
    static func text(_ text: String) -> YAMLNode { YAMLNode(.string(text)) }

    static func mapping(_ pairs: [(String, YAMLNode)]) -> YAMLNode {
        YAMLNode(tag: YAMLTag.mapping, content: .mapping(pairs.map { Entry(key: .text($0.0), value: $0.1) }))
    }

    static func list(_ items: [YAMLNode]) -> YAMLNode { YAMLNode(tag: YAMLTag.sequence, content: .sequence(items)) }

    init(_ id: DatasetID) { self.init(tag: ExportTag.uuid, content: .scalar(id.description)) }

    init(_ time: TAINanoseconds) throws(TimeError) {
        self.init(tag: ExportTag.time, content: .scalar(try time.text(precision: 9, separator: " ")))
    }

    init(_ timespan: Timespan) throws(TimeError) {
        guard !timespan.isEmpty else {
            self.init(tag: ExportTag.timespan, content: .scalar(ExportTag.emptyTimespan))
            return
        }
        let (begin, end) = try YAMLNode.bounds(of: timespan)
        let bounds = YAMLNode.mapping([("begin", begin), ("end", end)])
        self.init(tag: ExportTag.timespan, content: bounds.content)
    }

    /// Begin and end; null where unbounded.
    static func bounds(of timespan: Timespan) throws(TimeError) -> (YAMLNode, YAMLNode) {
        let null = YAMLNode(.null)
        return (
            timespan.hasUnboundedBegin ? null : try YAMLNode(timespan.begin),
            timespan.hasUnboundedEnd ? null : try YAMLNode(timespan.end)
        )
    }

    init(key value: DataIDValue) {
        switch value {
        case .int(let number): self.init(.int(number))
        case .string(let text): self.init(.string(text))
        }
    }

    /// - Throws: `RegionDecodingError` for damaged regions.
    init(column value: ColumnValue) throws {
        switch value {
        case .null: self.init(.null)
        case .bool(let flag): self.init(.bool(flag))
        case .int(let number): self.init(.int(number))
        case .float(let number): self.init(.float(number))
        case .string(let text): self.init(.string(text))
        case .hash(let bytes): self.init(.bytes(bytes))
        case .uuid(let id): self.init(id)
        case .datetime(let time): try self.init(time)
        case .timespan(let span): try self.init(span)
        case .region(let region):
            let name = ExportTag.regionClass(of: try region.decoded())
            let content = YAMLNode.mapping([("encoded", .text(Hexadecimal.encode(region.bytes)))]).content
            self.init(tag: ExportTag.regionPrefix + name, content: content)
        }
    }
}

// MARK: - Reading

/// Reads values out of the nodes of an export file, and counts them, so that aliases cannot make a small file large.
struct ExportValues {
    /// How many more nodes may be looked at.
    private var budget: Int
    private let limit: Int
    private static let mergeDepth = 64

    init(bytes: Int, limit: Int = YAMLLimits().aliasedValues) {
        budget = bytes + limit
        self.limit = limit
    }

    static func failure(_ complaint: String, _ node: YAMLNode) -> ExportFileError {
        .malformed(complaint, at: node.position)
    }

    mutating func spend(_ node: YAMLNode) throws(ExportFileError) {
        budget -= 1
        guard budget >= 0 else { throw .tooManyValues(limit: limit, at: node.position) }
    }

    /// The entries of a mapping, with its merge keys (`<<`) resolved as in Python: the mapping's own entries have the last
    /// word, then the earlier mappings of a list.
    mutating func entries(
        _ node: YAMLNode, _ what: String, depth: Int = 0
    ) throws(ExportFileError) -> [(String, YAMLNode)] {
        try spend(node)
        guard case .mapping(let entries) = node.content else {
            throw Self.failure("\(what) must be a mapping, not \(node.kindName)", node)
        }
        var result: [(String, YAMLNode)] = []
        result.reserveCapacity(entries.count)
        var merges: [YAMLNode] = []
        for entry in entries {
            try spend(entry.key)
            if entry.key.tag == YAMLTag.merge {
                merges.append(entry.value)
                continue
            }
            guard case .scalar(let key) = entry.key.content else {
                throw Self.failure("\(what) has a key that is no plain text", entry.key)
            }
            result.append((key, entry.value))
        }
        return merges.isEmpty ? result : try merged(merges, into: result, at: node, depth: depth)
    }

    /// - Parameter merges: values of merge keys in the order of the text, of which the last counts most.
    private mutating func merged(
        _ merges: [YAMLNode], into own: [(String, YAMLNode)], at node: YAMLNode, depth: Int
    ) throws(ExportFileError) -> [(String, YAMLNode)] {
        // Each mapping may merge the one before, however many there are.
        guard depth < Self.mergeDepth else {
            throw Self.failure("merge keys (<<) nest more than \(Self.mergeDepth) deep", node)
        }
        var result = own
        var known = Set(own.map(\.0))
        for merge in merges.reversed() {
            let sources: [YAMLNode] =
                if case .sequence = merge.content { try items(merge, "what is merged") } else { [merge] }
            for source in sources {
                let entries = try entries(source, "what a merge key (<<) names", depth: depth + 1)
                for entry in entries.reversed() where known.insert(entry.0).inserted { result.append(entry) }
            }
        }
        return result
    }

    mutating func items(_ node: YAMLNode, _ what: String) throws(ExportFileError) -> [YAMLNode] {
        try spend(node)
        guard case .sequence(let items) = node.content else {
            throw Self.failure("\(what) must be a list, not \(node.kindName)", node)
        }
        return items
    }

    mutating func string(_ node: YAMLNode, _ what: String) throws(ExportFileError) -> String {
        try spend(node)
        guard case .scalar(let text) = node.content, node.tag == YAMLTag.string else {
            throw Self.failure("\(what) must be text", node)
        }
        return text
    }

    mutating func optionalString(_ node: YAMLNode, _ what: String) throws(ExportFileError) -> String? {
        node.tag == YAMLTag.null ? nil : try string(node, what)
    }

    mutating func strings(_ node: YAMLNode, _ what: String) throws(ExportFileError) -> [String] {
        var result: [String] = []
        for item in try items(node, what) { result.append(try string(item, what)) }
        return result
    }

    /// A UUID, or a number of the early years.
    mutating func datasetID(_ node: YAMLNode) throws(ExportFileError) -> DatasetID {
        try spend(node)
        if case .scalar(let text) = node.content {
            if node.tag == ExportTag.uuid, let id = DatasetID(text) { return id }
            if node.tag == YAMLTag.int, case .int(let number)? = try plain(node) { return .numbered(number) }
        }
        throw Self.failure("a dataset identifier must be a UUID with the tag !uuid, or a whole number", node)
    }

    /// One identifier, or a list of them.
    mutating func datasetIDs(_ node: YAMLNode) throws(ExportFileError) -> [DatasetID] {
        guard case .sequence = node.content else { return [try datasetID(node)] }
        var ids: [DatasetID] = []
        for item in try items(node, "dataset_id") { ids.append(try datasetID(item)) }
        return ids
    }

    mutating func dataID(_ node: YAMLNode) throws(ExportFileError) -> [String: DataIDValue] {
        var dataID: [String: DataIDValue] = [:]
        for (name, value) in try entries(node, "a data ID") {
            try spend(value)
            switch try plain(value) {
            case .int(let number)?: dataID[name] = .int(number)
            case .string(let text)?: dataID[name] = .string(text)
            default: throw Self.failure("the value of '\(name)' in a data ID must be a whole number or text", value)
            }
        }
        return dataID
    }

    mutating func record(_ node: YAMLNode) throws(ExportFileError) -> [String: ColumnValue] {
        var record: [String: ColumnValue] = [:]
        for (name, value) in try entries(node, "a dimension record") { record[name] = try column(value, name) }
        return record
    }

    private mutating func column(_ node: YAMLNode, _ name: String) throws(ExportFileError) -> ColumnValue {
        if node.tag == ExportTag.timespan { return try timespan(node).map { .timespan($0) } ?? .null }
        if node.tag.hasPrefix(ExportTag.regionPrefix) { return .region(try region(node)) }
        if node.tag == ExportTag.time || node.tag == YAMLTag.timestamp {
            return try time(node).map { .datetime($0) } ?? .null
        }
        try spend(node)
        if node.tag == ExportTag.uuid, case .scalar(let text) = node.content, let id = DatasetID(text) {
            return .uuid(id)
        }
        switch try plain(node) {
        case .null?: return .null
        case .bool(let flag)?: return .bool(flag)
        case .int(let number)?: return .int(number)
        case .float(let number)?: return .float(number)
        case .string(let text)?: return .string(text)
        case .bytes(let bytes)?: return .hash(bytes)
        default: throw Self.failure("column '\(name)' holds \(node.kindName) with the tag \(node.tag)", node)
        }
    }

    /// The value of a scalar with a tag of YAML itself; `nil` for everything else.
    func plain(_ node: YAMLNode) throws(ExportFileError) -> StructuredValue? {
        guard case .scalar = node.content else { return nil }
        do {
            return try StructuredValue(node)
        } catch {
            throw .malformed("\(error)", at: node.position)
        }
    }

    // MARK: Times and places

    /// A time; `nil` for null.
    mutating func time(_ node: YAMLNode) throws(ExportFileError) -> TAINanoseconds? {
        try spend(node)
        guard case .scalar(let text) = node.content else { throw Self.failure("a time must be a scalar", node) }
        do throws(TimeError) {
            switch node.tag {
            case YAMLTag.null: return nil
            case ExportTag.time:
                if let time = try ExportTime(text)?.tai() { return time }
            case YAMLTag.timestamp:
                if let time = try ExportTime(text)?.utc() { return time }
            default: break
            }
        } catch {
            throw Self.failure("\(error)", node)
        }
        throw Self.failure("'\(text)' is no time; times have the tag \(ExportTag.time)", node)
    }

    /// A timespan; `nil` for null.
    mutating func timespan(_ node: YAMLNode) throws(ExportFileError) -> Timespan? {
        if node.tag == YAMLTag.null { return nil }
        guard node.tag == ExportTag.timespan else {
            throw Self.failure("a timespan must have the tag \(ExportTag.timespan)", node)
        }
        if case .scalar(let text) = node.content {
            try spend(node)
            guard text == ExportTag.emptyTimespan else { throw Self.failure("'\(text)' is no timespan", node) }
            return .empty
        }
        let members = Dictionary(try entries(node, "a timespan"), uniquingKeysWith: { _, last in last })
        guard let begin = members["begin"], let end = members["end"] else {
            throw Self.failure("a timespan needs 'begin' and 'end'", node)
        }
        return try timespan(begin, end)
    }

    mutating func timespan(_ begin: YAMLNode, _ end: YAMLNode) throws(ExportFileError) -> Timespan {
        let first = try time(begin)
        let last = try time(end)
        do throws(TimespanError) {
            return try Timespan(begin: first, end: last)
        } catch {
            throw Self.failure("\(error)", begin)
        }
    }

    private mutating func region(_ node: YAMLNode) throws(ExportFileError) -> EncodedRegion {
        for (key, value) in try entries(node, "a region") where key == "encoded" {
            let text = try string(value, "the encoded form of a region")
            guard let bytes = Hexadecimal.decode(text) else {
                throw Self.failure("the encoded form of a region must be hexadecimal text", value)
            }
            let region = EncodedRegion(bytes: bytes)
            do {
                let found = ExportTag.regionClass(of: try region.decoded())
                guard ExportTag.regionPrefix + found == node.tag else {
                    throw Self.failure("a region with the tag \(node.tag) is a \(found)", node)
                }
            } catch let error as ExportFileError {
                throw error
            } catch {
                throw Self.failure("\(error)", value)
            }
            return region
        }
        throw Self.failure("a region needs 'encoded'", node)
    }
}
