import AstroTime
import ButlerModel
import ByteText
import Database
import Foundation

/// How new datasets get their identifiers.
public enum DatasetIDChoice: Sendable {
    /// Random, sorted by time.
    case unique
    /// From dataset type and data ID.
    case dataID
    /// From dataset type, run and data ID.
    case dataIDAndRun

    /// - Parameter unixMilliseconds: the time of creation, for unique identifiers.
    public func identifier(
        of type: DatasetType, run: String, dataID: DataCoordinate, unixMilliseconds: UInt64
    ) -> DatasetID {
        switch self {
        case .unique: .unique(unixMilliseconds: unixMilliseconds)
        case .dataID: .deterministic(datasetType: type.name, run: run, dataID: dataID, by: .dataID)
        case .dataIDAndRun: .deterministic(datasetType: type.name, run: run, dataID: dataID, by: .dataIDAndRun)
        }
    }
}

/// New datasets: the one writer of `dataset`, and of what a dataset is recorded with in its run.
extension RegistryWriter {
    /// Makes datasets of a type in a run.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when the run has a dataset of this type and data ID
    ///   already, or a dimension record is missing; `missingCollection` or `collectionType` for a bad run.
    public func insertDatasets(
        _ type: DatasetType, run: String, dataIDs: [DataCoordinate], ids: DatasetIDChoice = .unique
    ) throws -> [DatasetRef] {
        let milliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
        let refs = dataIDs.map { dataID in
            DatasetRef(
                id: ids.identifier(of: type, run: run, dataID: dataID, unixMilliseconds: milliseconds),
                datasetType: type, dataID: dataID, run: run)
        }
        try insert(refs)
        return refs
    }

    /// Makes datasets with the identifiers they have; runs must exist, and each dataset must be new.
    public func insert(_ refs: [DatasetRef]) throws {
        let ingestDate = try ingestDateValue()
        try atomically {
            var isNews = false
            for (run, group) in refs.groupedByRun() {
                let collection = try requireRun(run)
                for (name, members) in group.groupedByType() {
                    let stored = try snapshot.catalog.datasetTypes.require(name)
                    let dimensions = stored.type.dimensions
                    guard members.indices.allSatisfy({ members[$0].dataID.group == dimensions }) else {
                        throw ButlerError(
                            .conflictingDefinition, "Datasets of type '\(name)' have other dimensions than the repository says.")
                    }
                    try conflictsAsDefinitions(of: stored, in: collection, members, areNew: true) {
                        try connection.executeMany(
                            try SQL.insert(
                                into: schema.dataset, columns: ["id", "dataset_type_id", "ingest_date", "run_id"]),
                            rows: members.indices.lazy.map {
                                [.uuid(members[$0].id.uuid), .int(stored.key), ingestDate, .int(collection.key)]
                            })
                        if try summarize(stored, members, in: collection) { isNews = true }
                        let table = schema.tags(stored.tagsTable, stored.type.dimensions)
                        try connection.executeMany(
                            try SQL.insert(into: table, columns: membershipColumns(stored)),
                            rows: members.lazy.map { membership(stored, $0, collection) })
                    }
                    try addToObsCore(members)
                }
            }
            if isNews { try refresh() }
        }
    }

    // MARK: Parts

    func membershipColumns(_ stored: StoredDatasetType) -> [String] {
        ["dataset_type_id", "dataset_id", "collection_id"] + stored.type.dimensions.requiredNames
    }

    func membership(
        _ stored: StoredDatasetType, _ ref: DatasetRef, _ collection: CollectionCatalog.Entry
    ) -> [SQLValue] {
        [.int(stored.key), .uuid(ref.id.uuid), .int(collection.key)] + ref.dataID.requiredValues.map(\.sqlValue)
    }

    /// Tags and calibs rows refer to summary rows, which therefore come first.
    /// - Returns: whether there is anything new in the summaries.
    func summarize(
        _ stored: StoredDatasetType, _ refs: [DatasetRef], in collection: CollectionCatalog.Entry
    ) throws -> Bool {
        var count = try connection.execute(
            SQL.insert(
                into: schema.collectionSummaryDatasetType, columns: ["collection_id", "dataset_type_id"],
                values: [.int(collection.key), .int(stored.key)], onConflict: .ignore))
        for position in stored.type.dimensions.governors {
            let governor = universe.elements[position]
            var values: Set<DataIDValue> = []
            var last: DataIDValue?
            for index in refs.indices {
                // Mostly they are alike.
                guard let value = refs[index].dataID[position], value != last else { continue }
                last = value
                values.insert(value)
            }
            count += try connection.executeMany(
                try SQL.insert(
                    into: schema.collectionSummary(governor), columns: ["collection_id", governor.name],
                    onConflict: .ignore),
                rows: values.sorted().map { [.int(collection.key), $0.sqlValue] })
        }
        return count > 0
    }

    /// Now, as the dataset table holds it.
    private func ingestDateValue() throws -> SQLValue {
        guard schema.storesIngestDateAsText else { return .int(TAINanoseconds.now.rawValue) }
        return .text(try IngestDateText.text(of: .now))
    }

    /// Runs `body`, which makes datasets of a type members of a collection, and says what a violated rule means.
    ///
    /// - Parameter areNew: whether `body` makes the datasets too, which may then lack only records of dimensions.
    func conflictsAsDefinitions(
        of stored: StoredDatasetType, in collection: CollectionCatalog.Entry, _ members: [DatasetRef], areNew: Bool = false,
        _ body: () throws -> Void
    ) throws {
        do {
            try undoing(body)
        } catch DatabaseError.constraintViolation(let violation) {
            let type = stored.type.name
            guard violation.kind == .foreignKey else {
                throw ButlerError(
                    .conflictingDefinition,
                    "Collection '\(collection.name)' has a '\(type)' dataset with the same data ID or identifier already.")
            }
            let error = ButlerError(
                .conflictingDefinition,
                "A '\(type)' dataset for '\(collection.name)' does not exist, or names a dimension value that has no "
                    + "record; insert that first.")
            throw UnclearViolation(error) { snapshot in
                try snapshot.requirePresent([collection])
                try snapshot.requirePresent(stored)
                if areNew { try snapshot.requireRecords(of: members) } else { try snapshot.requirePresent(members.map(\.id)) }
            }
        }
    }
}

extension [DatasetRef] {
    /// The datasets by their runs, in the order of these. Mostly they are alike.
    fileprivate func groupedByRun() -> [(name: String, members: [DatasetRef])] {
        guard let first = first?.run else { return [] }
        return indices.allSatisfy { self[$0].run.hasSameBytes(as: first) } ? [(first, self)] : grouped { $0.run }
    }

    /// The same by the names of their types.
    fileprivate func groupedByType() -> [(name: String, members: [DatasetRef])] {
        guard let first = first?.datasetType else { return [] }
        return indices.allSatisfy { self[$0].datasetType == first } ? [(first.name, self)] : grouped { $0.datasetType.name }
    }

    private func grouped(by name: (DatasetRef) -> String) -> [(name: String, members: [DatasetRef])] {
        Dictionary(grouping: self) { ExactName(name($0)) }.sorted { $0.key < $1.key }
            .map { (name: $0.key.text, members: $0.value) }
    }
}
