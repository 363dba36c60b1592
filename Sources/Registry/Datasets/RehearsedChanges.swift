import ButlerModel
import ByteText
import Database

/// What changes of dataset types and collections would come to, found out without changing anything. Each throws as the
/// method of ``RegistryWriter`` does.
extension RegistrySnapshot {
    /// Whether registering a dataset type would make a new one.
    public func wouldRegister(_ type: DatasetType) throws -> Bool {
        try RegistryWriter.refuseName(of: type, in: universe)
        try foreseeRegistration(of: type)
        return catalog.datasetTypes[type.name] == nil
    }

    /// The names of the dataset types that would be removed.
    public func wouldRemoveDatasetTypes(_ patterns: [String]) throws -> [String] {
        try catalog.datasetTypes.matching(patterns).found.map { stored in
            let holder = try connection.fetchOne(
                """
                SELECT 1 FROM \(table: "dataset") WHERE \(column: "dataset_type_id") = \(value: stored.key) LIMIT 1
                """
            ) { try $0.int(0) }
            guard holder == nil else { throw ButlerError.hasDatasets(typeName: stored.type.name) }
            return stored.type.name
        }
    }

    /// The members that a chain would have with these children put in, or left out.
    ///
    /// - Parameters:
    ///   - children: may be there already; those that come twice count once.
    ///   - makesChain: whether a chain that does not exist counts as an empty one.
    ///   - edit: gives the new members from those there are and `children`.
    public func wouldEditChain(
        _ name: String, children: [String], makesChain: Bool, _ edit: (_ members: [String], _ children: [String]) -> [String]
    ) throws -> [String] {
        let collections = catalog.collections
        let chain = makesChain ? collections[name] : try collections.require(name)
        if let chain, chain.type != .chained {
            throw ButlerError(.collectionType, "Collection '\(name)' is \(chain.type), not a chain.")
        }
        var seen: Set<ExactName> = []
        let children = children.filter { seen.insert($0) }
        let entries = try children.filter { chain != nil || !$0.hasSameBytes(as: name) }.map { try collections.require($0) }
        if makesChain {
            let isCycle = chain.map { collections.wouldCycle(parent: $0, children: entries) } ?? seen.contains(name)
            guard !isCycle else { throw ButlerError.cycle(of: name, through: children) }
        }
        return edit(chain.map { collections.children(of: $0).map(\.name) } ?? [], children)
    }

    /// The members that a chain would have without those at some places: 0 is the first, -1 the last.
    public func wouldPopFromChain(_ name: String, at places: [Int]) throws -> [String] {
        let entry = try catalog.collections.require(name)
        guard entry.type == .chained else {
            throw ButlerError(.collectionType, "Collection '\(name)' is \(entry.type), not \(CollectionType.chained).")
        }
        let members = catalog.collections.children(of: entry).map(\.name)
        let popped = Set(
            names: try places.map { members[try RegistryWriter.index(of: $0, among: members.count, inChain: name)] })
        return members.filter { !popped.contains($0) }
    }
}

extension RegistryWriter {
    static func refuseName(of type: DatasetType, in universe: DimensionUniverse) throws {
        guard !type.isComponent else {
            throw ButlerError(
                .datasetTypeExpression, "'\(type.name)' names a component; register its parent dataset type.")
        }
        guard universe.element(type.name)?.isGovernor != true else {
            throw ButlerError(
                .datasetTypeExpression, "A dataset type cannot have the name of the dimension '\(type.name)'.")
        }
    }

    static func index(of place: Int, among count: Int, inChain name: String) throws -> Int {
        let index = place < 0 ? count + place : place
        guard (0..<count).contains(index) else {
            throw ButlerError(
                .malformedModel,
                "Index \(place) is out of range: chain '\(name)' has \(count) member\(count == 1 ? "" : "s").")
        }
        return index
    }
}

extension ButlerError {
    static func hasDatasets(typeName: String) -> ButlerError {
        ButlerError(.orphanedRecord, "There are datasets of type '\(typeName)'; remove those before the dataset type.")
    }

    static func cycle(of chain: String, through children: [String]) -> ButlerError {
        ButlerError(
            .collectionCycle,
            "The chain '\(chain)' would contain itself through '\(children.joined(separator: "', '"))'.")
    }
}
