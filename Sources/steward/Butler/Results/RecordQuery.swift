import ButlerModel
import Registry

/// A search for the records of one dimension element.
struct RecordQuery: Sendable {
    let element: String
    /// A name or glob of dataset types whose data IDs the records must match; `nil` for all records.
    let datasets: String?
    /// Names and globs of the collections that hold those datasets.
    let collections: [String]
    let order: [String]
    let limit: ResultLimit

    struct Result: Sendable {
        var records: [DimensionRecord] = []
        /// Whether there is more than the limit lets through.
        var isCut = false
    }

    func run(_ snapshot: RegistrySnapshot) throws -> Result {
        let element = try snapshot.universe.requireElement(element)
        var constraint: DatasetConstraint?
        if let datasets {
            guard let found = try DatasetConstraint(datasets, collections, on: element, snapshot) else {
                return Result()
            }
            constraint = found
        }
        let order = try self.order.isEmpty ? nil : RecordOrder(self.order, of: element, in: snapshot.universe)
        var result = Result()
        let sought = limit.sought
        try snapshot.records(of: element, matching: [:]) { record in
            if constraint?.accepts(record) ?? true { result.records.append(record) }
            return order != nil || result.records.count < sought
        }
        if let order {
            order.sort(&result.records)
        } else {
            // A database may collate text otherwise.
            result.records.sort { $0.requiredValues.lexicographicallyPrecedes($1.requiredValues) }
        }
        if result.records.count >= sought, limit.warnsWhenReached { result.isCut = true }
        result.records.removeLast(max(0, result.records.count - limit.maximum))
        return result
    }
}

/// The condition that datasets exist for a record's data ID.
struct DatasetConstraint {
    /// Dimensions that the record and the datasets have in common.
    private let common: [Int]
    private let values: Set<[DataIDValue]>

    /// `nil` when no collection may hold any of the datasets.
    /// - Throws: ``CommandFailure/unsupported(_:)`` when the answer takes a join over sky or time.
    init?(
        _ pattern: String, _ collections: [String], on element: DimensionElement, _ snapshot: RegistrySnapshot
    ) throws {
        let types = try DatasetTypeSelection([pattern], in: snapshot).found
        let patterns = collections.isEmpty ? ["*"] : collections
        let present = try snapshot.collectionInfo(CollectionSearch(patterns, includeSummary: true))
            .reduce(into: Set<String>()) { $0.formUnion($1.datasetTypes ?? []) }
        let candidates = types.filter { present.contains($0.name) }
        guard let type = candidates.first else { return nil }
        guard candidates.count == 1 else {
            throw CommandFailure.unsupported(
                "--datasets '\(pattern)' means several dataset types "
                    + "(\(candidates.map(\.name).joined(separator: ", "))), which is not supported yet; name one.")
        }
        let universe = snapshot.universe
        let own = try universe.group(
            (element.required + element.implied).map { universe.elements[$0].name })
        let joined = own.union(type.dimensions)
        let separate = Set(own.elements + type.dimensions.elements)
        let needsJoin =
            joined.spatialElements.count > 1 || joined.temporalElements.count > 1
            || joined.elements.contains { !separate.contains($0) && ($0.alwaysJoin || !$0.isDimension) }
        guard !needsJoin else {
            throw CommandFailure.unsupported(
                "Records of '\(element.name)' for datasets of type '\(type.name)' take a join over sky, time or "
                    + "relations between them, which is not supported yet.")
        }
        let shared = (element.required + element.implied).filter { type.dimensions.members.contains($0) }
        var implied = ImpliedValues(type.dimensions, snapshot)
        var values = Set<[DataIDValue]>()
        try snapshot.forEachDataset(type, in: patterns, findFirst: false) { ref in
            let dataID = try implied.fill(ref.dataID)
            values.insert(shared.compactMap { dataID[$0] })
            return true
        }
        common = shared
        self.values = values
    }

    func accepts(_ record: DimensionRecord) -> Bool {
        values.contains(common.compactMap { record.value(ofDimension: $0) })
    }
}

/// The order of records of one element by its columns.
struct RecordOrder {
    private enum Part {
        case whole
        case begin
        case end
    }

    private let keys: [(column: Int, part: Part, isReversed: Bool)]

    /// Columns by name, alone or after the element's name; `timespan.begin` and `timespan.end`; `-` reverses.
    /// - Throws: ``CommandFailure/unsupported(_:)`` for anything else.
    init(_ names: [String], of element: DimensionElement, in universe: DimensionUniverse) throws {
        keys = try names.map { text in
            let isReversed = text.hasPrefix("-")
            let name = isReversed ? String(text.dropFirst()) : text
            var words = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            let isQualified = words.count > 1 && words[0] == element.name
            if isQualified { words.removeFirst() }
            var part = Part.whole
            if words.count == 2, words[0] == "timespan", words[1] == "begin" || words[1] == "end" {
                part = words[1] == "begin" ? .begin : .end
                words.removeLast()
            }
            guard words.count == 1, let column = element.columnIndex(words[0]), column != element.regionColumn,
                (part != .whole) == (column == element.timespanColumn)
            else {
                throw CommandFailure.unsupported(
                    "--order-by '\(name)' is not supported yet: only columns of '\(element.name)' are "
                        + "(\(element.columns.map(\.name).joined(separator: ", "))).")
            }
            if !isQualified { try Self.requireUnambiguous(words[0], name, of: element, in: universe) }
            return (column, part, isReversed)
        }
    }

    /// A bare column name must not belong to another element that goes with this one; the name of a dimension is
    /// always clear.
    private static func requireUnambiguous(
        _ column: String, _ name: String, of element: DimensionElement, in universe: DimensionUniverse
    ) throws {
        guard universe.element(column)?.isDimension != true else { return }
        let group = try universe.group((element.required + element.implied).map { universe.elements[$0].name })
        let owners = group.elements.filter { owner in
            owner.columns.contains { candidate in
                guard candidate.name == column else { return false }
                // Keys of other dimensions are not columns of their own here.
                if case .required(let dimension) = candidate.role { return dimension == owner.position }
                return true
            }
        }
        guard owners.count <= 1 else {
            throw CommandFailure.refused(
                "--order-by '\(name)' is ambiguous: \(owners.map(\.name).joined(separator: ", ")) have such a column; "
                    + "write '\(element.name).\(name)'.")
        }
    }

    func sort(_ records: inout [DimensionRecord]) {
        records.sort { a, b in
            for key in keys {
                let first = value(a, key.column, key.part)
                let second = value(b, key.column, key.part)
                if first.precedes(second) { return !key.isReversed }
                if second.precedes(first) { return key.isReversed }
            }
            return false
        }
    }

    private func value(_ record: DimensionRecord, _ column: Int, _ part: Part) -> ColumnValue {
        guard part != .whole else { return record.values[column] }
        guard case .timespan(let span) = record.values[column] else { return .null }
        return .int(part == .begin ? span.begin.rawValue : span.end.rawValue)
    }
}

extension ColumnValue {
    /// The order of databases; no value comes first.
    fileprivate func precedes(_ other: ColumnValue) -> Bool {
        switch (self, other) {
        case (.null, .null): false
        case (.null, _): true
        case (_, .null): false
        case (.bool(let a), .bool(let b)): !a && b
        case (.int(let a), .int(let b)): a < b
        case (.float(let a), .float(let b)): a < b
        case (.int(let a), .float(let b)): Double(a) < b
        case (.float(let a), .int(let b)): a < Double(b)
        case (.string(let a), .string(let b)): a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
        case (.hash(let a), .hash(let b)): a.lexicographicallyPrecedes(b)
        case (.uuid(let a), .uuid(let b)): a < b
        case (.datetime(let a), .datetime(let b)): a < b
        default: false
        }
    }
}
