import ButlerModel
import Database

/// Membership of datasets in TAGGED collections. Source: repository format reference, section 7.6.
extension RegistryWriter {
    /// Makes datasets members of a TAGGED collection; a dataset that is one already stays one.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when another dataset of the same type and data ID is, or
    ///   a dataset does not exist; `missingCollection` or `collectionType` for a bad collection.
    public func associate(_ refs: [DatasetRef], with name: String) throws {
        let collection = try require(name, .tagged)
        guard !refs.isEmpty else { return }
        try atomically {
            var isNews = false
            for (stored, members) in try byType(refs) {
                try conflictsAsDefinitions(of: stored, in: collection, members) {
                    if try summarize(stored, members, in: collection) { isNews = true }
                    let table = schema.tags(stored.tagsTable, stored.type.dimensions)
                    try connection.executeMany(
                        try SQL.insert(
                            into: table, columns: membershipColumns(stored),
                            onConflict: .update(
                                key: ["dataset_id", "collection_id"], set: stored.type.dimensions.requiredNames)),
                        rows: members.map { membership(stored, $0, collection) })
                }
                try addToObsCore(members, taggedIn: name)
            }
            if isNews { try refresh() }
        }
    }

    /// Takes datasets out of a TAGGED collection; those that are no members are left alone. The collection's summary
    /// keeps what it says.
    /// - Returns: how many were members.
    @discardableResult
    public func disassociate(_ refs: [DatasetRef], from name: String) throws -> Int {
        let collection = try require(name, .tagged)
        return try atomically {
            var count = 0
            for (stored, members) in try byType(refs) {
                count += try connection.executeMany(
                    """
                    DELETE FROM \(table: stored.tagsTable) WHERE \(column: "dataset_id") = \(parameter: .uuid) AND \
                    \(column: "collection_id") = \(parameter: .int)
                    """,
                    rows: members.map { [.uuid($0.id.uuid), .int(collection.key)] })
            }
            try removeFromObsCore(refs, taggedIn: name)
            return count
        }
    }

    /// The datasets by registered type, in the order of the types' names, each dataset once.
    /// - Throws: `ButlerError` of kind `missingDatasetType`.
    func byType(_ refs: [DatasetRef]) throws -> [(stored: StoredDatasetType, members: [DatasetRef])] {
        var seen: Set<DatasetID> = []
        return try Dictionary(grouping: refs.filter { seen.insert($0.id).inserted }, by: \.datasetType.name)
            .sorted { $0.key < $1.key }
            .map { (try snapshot.catalog.datasetTypes.require($0.key), $0.value) }
    }
}
