import ButlerModel
import Registry

/// A search for the datasets of some types in some collections.
struct DatasetQuery: Sendable {
    /// Names and globs of dataset types.
    let datasetTypes: [String]
    /// Names and globs of collections, in search order.
    let collections: [String]
    let findsFirst: Bool
    let limit: ResultLimit
    /// Dimensions, possibly with `-` before the name.
    let order: [String]

    struct Result: Sendable {
        /// Data IDs are full. Types without datasets are left out.
        var found: [(type: DatasetType, refs: [DatasetRef])] = []
        /// Whether there is more than the limit lets through.
        var isCut = false
        /// Why nothing was looked for, if so.
        var remark: String?
    }

    /// - Parameters:
    ///   - datasetTypes: as given; none means all.
    ///   - collections: as given; none means all.
    init(datasetTypes: [String], options: DatasetQueryOptions) throws {
        try ExpressionSupport.requireNone(options.expression)
        self.datasetTypes = datasetTypes.isEmpty ? ["*"] : datasetTypes
        collections = options.collections.isEmpty ? ["*"] : options.collections
        findsFirst = options.findsFirst
        limit = options.limit
        order = options.order
        guard order.isEmpty || hasOneType else {
            throw CommandFailure.refused(
                "--order-by works with a single dataset type only; name one, without wildcards.")
        }
        if findsFirst, let glob = collections.first(where: Self.isGlob) {
            throw CommandFailure.refused(
                "--find-first needs collections in a definite order, not the wildcard '\(glob)'; name them.")
        }
    }

    private var hasOneType: Bool { datasetTypes.count == 1 && !Self.isGlob(datasetTypes[0]) }

    private static func isGlob(_ text: String) -> Bool {
        if case .glob = NamePattern(text) { true } else { false }
    }

    // MARK: Running

    /// The datasets, by dataset type in the order of names.
    func run(_ snapshot: RegistrySnapshot) throws -> Result {
        var result = Result()
        let types: [DatasetType]
        if hasOneType {
            guard let type = try singleType(snapshot) else {
                result.remark = "Dataset type '\(datasetTypes[0])' does not exist."
                return result
            }
            types = [type]
        } else {
            let selection = try DatasetTypeSelection(datasetTypes, in: snapshot)
            guard selection.missing.isEmpty, !selection.found.isEmpty else {
                result.remark =
                    selection.found.isEmpty
                    ? "No dataset types found for \(datasetTypes.joined(separator: ", "))."
                    : "Dataset types not found: \(selection.missing.joined(separator: ", "))."
                return result
            }
            types = selection.found
        }
        // Names that do not exist are errors even if no dataset type needs them.
        _ = try snapshot.flatten(collections)
        var remaining = limit.sought
        for type in types where remaining > 0 {
            var refs = try datasets(type, atMost: order.isEmpty ? remaining : .max, snapshot)
            if !order.isEmpty {
                try DatasetOrder(order, group: type.dimensions).sort(&refs)
                refs.removeLast(max(0, refs.count - remaining))
            }
            remaining -= refs.count
            if remaining <= 0, limit.warnsWhenReached {
                refs.removeLast()
                result.isCut = true
            }
            if !refs.isEmpty { result.found.append((type, refs)) }
        }
        if hasOneType, result.found.isEmpty, !result.isCut {
            throw CommandFailure.refused(
                "No datasets of type '\(datasetTypes[0])' in \(collections.joined(separator: ", ")); "
                    + "'query-collections -t' shows where to look.")
        }
        return result
    }

    private func singleType(_ snapshot: RegistrySnapshot) throws -> DatasetType? {
        do {
            return try snapshot.datasetType(datasetTypes[0])
        } catch let error as ButlerError
            where error.kind == .missingDatasetType || error.kind == .datasetTypeExpression
        {
            return nil
        }
    }

    /// Each dataset once, with a full data ID.
    private func datasets(_ type: DatasetType, atMost maximum: Int, _ snapshot: RegistrySnapshot) throws -> [DatasetRef]
    {
        var refs: [DatasetRef] = []
        var seen = Set<DatasetID>()
        var implied = ImpliedValues(type.dimensions, snapshot)
        func add(_ ref: DatasetRef) throws -> Bool {
            if seen.insert(ref.id).inserted { refs.append(ref.with(dataID: try implied.fill(ref.dataID))) }
            return refs.count < maximum
        }
        guard findsFirst, type.isCalibration else {
            try snapshot.forEachDataset(type, in: collections, findFirst: findsFirst, add)
            return refs
        }
        var claimed = Set<DataCoordinate>()
        for collection in try snapshot.flatten(collections) where refs.count < maximum {
            var here = Set<DataCoordinate>()
            try snapshot.forEachDataset(type, in: [collection], findFirst: false) { ref in
                guard !claimed.contains(ref.dataID) else { return true }
                guard here.insert(ref.dataID).inserted else {
                    throw ButlerError(
                        .calibrationLookup,
                        "Collection '\(collection)' has several validity ranges for \(type.name) \(ref.dataID), "
                            + "so none is the first; leave out --find-first, or search the runs.")
                }
                return try add(ref)
            }
            claimed.formUnion(here)
        }
        return refs
    }
}

/// Completes the data IDs of one group with implied values, looking each determining record up only once.
struct ImpliedValues {
    private let snapshot: RegistrySnapshot
    private let group: DimensionGroup
    /// The dimensions that the implied values follow from.
    private let determining: DimensionGroup?
    private var known: [DataCoordinate: DataCoordinate] = [:]

    init(_ group: DimensionGroup, _ snapshot: RegistrySnapshot) {
        self.snapshot = snapshot
        self.group = group
        let names = group.elements.filter { $0.isDimension && !$0.implied.isEmpty }.map(\.name)
        determining = group.implied.isEmpty ? nil : try? group.universe.group(names)
    }

    mutating func fill(_ dataID: DataCoordinate) throws -> DataCoordinate {
        guard !dataID.isFull, let determining, let part = dataID.subset(determining) else {
            return try snapshot.fill(dataID)
        }
        let filled: DataCoordinate
        if let held = known[part] {
            filled = held
        } else {
            filled = try snapshot.fill(part)
            known[part] = filled
        }
        let values = group.keys.compactMap { dataID[$0] ?? filled[$0] }
        guard values.count == group.keys.count else { return try snapshot.fill(dataID) }
        return DataCoordinate(group: group, values: values)
    }
}
