import AstroTime
import ButlerModel
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

/// Datasets and their membership in collections: the one writer of `dataset`, the tags and calibs tables, and the
/// collection summaries.
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
        for (run, group) in Dictionary(grouping: refs, by: \.run).sorted(by: { $0.key < $1.key }) {
            let collection = try requireRun(run)
            for (name, members) in Dictionary(grouping: group, by: \.datasetType.name).sorted(by: { $0.key < $1.key }) {
                let stored = try snapshot.catalog.datasetTypes.require(name)
                try conflictsAsDefinitions(of: name, in: run) {
                    try connection.executeMany(
                        try SQL.insert(
                            into: schema.dataset, columns: ["id", "dataset_type_id", "ingest_date", "run_id"]),
                        rows: members.map {
                            [.uuid($0.id.uuid), .int(stored.key), ingestDate, .int(collection.key)]
                        })
                    try summarize(stored, members, in: collection)
                    let table = schema.tags(stored.tagsTable, stored.type.dimensions)
                    try connection.executeMany(
                        try SQL.insert(into: table, columns: membershipColumns(stored)),
                        rows: members.map { membership(stored, $0, collection) })
                }
            }
        }
    }

    /// Makes datasets members of a TAGGED collection; a dataset that is one already stays one.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when another dataset of the same type and data ID is.
    public func associate(_ refs: [DatasetRef], with name: String) throws {
        let collection = try require(name, .tagged)
        for (type, members) in Dictionary(grouping: refs, by: \.datasetType.name).sorted(by: { $0.key < $1.key }) {
            let stored = try snapshot.catalog.datasetTypes.require(type)
            try conflictsAsDefinitions(of: type, in: name) {
                try summarize(stored, members, in: collection)
                let table = schema.tags(stored.tagsTable, stored.type.dimensions)
                try connection.executeMany(
                    try SQL.insert(
                        into: table, columns: membershipColumns(stored),
                        onConflict: .update(
                            key: ["dataset_id", "collection_id"], set: stored.type.dimensions.requiredNames)),
                    rows: members.map { membership(stored, $0, collection) })
            }
        }
        try refresh()
    }

    /// Gives calibration datasets a validity range in a CALIBRATION collection.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when the range of another dataset of the same type and
    ///   data ID overlaps, there or among `refs`.
    public func certify(_ refs: [DatasetRef], in name: String, timespan: Timespan) throws {
        let collection = try require(name, .calibration)
        for (type, members) in Dictionary(grouping: refs, by: \.datasetType.name).sorted(by: { $0.key < $1.key }) {
            let stored = try snapshot.catalog.datasetTypes.require(type)
            guard let calibs = stored.calibsTable else {
                throw ButlerError(
                    .collectionType, "Dataset type '\(type)' is no calibration, so it cannot be certified.")
            }
            guard Set(members.map(\.dataID)).count == members.count else {
                throw ButlerError(
                    .conflictingDefinition,
                    "Two of the given '\(type)' datasets have the same data ID; their validity ranges would overlap.")
            }
            let table = schema.calibs(calibs, stored.type.dimensions)
            try summarize(stored, members, in: collection)
            try connection.lock([calibs])
            for member in members { try refuseOverlap(stored, calibs, member, collection, timespan) }
            try connection.executeMany(
                try SQL.insert(into: table, columns: membershipColumns(stored) + ["timespan"]),
                rows: members.map { membership(stored, $0, collection) + [.timespan(timespan)] })
        }
        try refresh()
    }

    // MARK: Parts

    private func require(_ name: String, _ type: CollectionType) throws -> CollectionCatalog.Entry {
        let entry = try snapshot.catalog.collections.require(name)
        guard entry.type == type else {
            throw ButlerError(.collectionType, "Collection '\(name)' is \(entry.type), not \(type).")
        }
        return entry
    }

    private func membershipColumns(_ stored: StoredDatasetType) -> [String] {
        ["dataset_type_id", "dataset_id", "collection_id"] + stored.type.dimensions.requiredNames
    }

    private func membership(
        _ stored: StoredDatasetType, _ ref: DatasetRef, _ collection: CollectionCatalog.Entry
    ) -> [SQLValue] {
        [.int(stored.key), .uuid(ref.id.uuid), .int(collection.key)] + ref.dataID.requiredValues.map(\.sqlValue)
    }

    /// Tags and calibs rows refer to summary rows, which therefore come first.
    private func summarize(
        _ stored: StoredDatasetType, _ refs: [DatasetRef], in collection: CollectionCatalog.Entry
    ) throws {
        try connection.execute(
            SQL.insert(
                into: schema.collectionSummaryDatasetType, columns: ["collection_id", "dataset_type_id"],
                values: [.int(collection.key), .int(stored.key)], onConflict: .ignore))
        for position in stored.type.dimensions.governors {
            let governor = universe.elements[position]
            let values = Set(refs.compactMap { $0.dataID[position] })
            try connection.executeMany(
                try SQL.insert(
                    into: schema.collectionSummary(governor), columns: ["collection_id", governor.name],
                    onConflict: .ignore),
                rows: values.sorted().map { [.int(collection.key), $0.sqlValue] })
        }
    }

    private func refuseOverlap(
        _ stored: StoredDatasetType, _ calibs: String, _ ref: DatasetRef, _ collection: CollectionCatalog.Entry,
        _ timespan: Timespan
    ) throws {
        var tests: [SQL] = [
            "\(column: "dataset_type_id", of: "m") = \(value: stored.key)",
            "\(column: "collection_id", of: "m") = \(value: collection.key)",
            TimespanExpression.column(of: "m").overlaps(.literal(timespan)),
        ]
        for (name, value) in zip(stored.type.dimensions.requiredNames, ref.dataID.requiredValues) {
            tests.append("\(column: name, of: "m") = \(value: value.sqlValue)")
        }
        let clash = try connection.fetchOne(
            "SELECT \(column: "dataset_id", of: "m") FROM \(table: calibs) AS \(alias: "m") WHERE \(SQL.all(tests))"
        ) { DatasetID(try $0.uuid(0)) }
        if let clash {
            throw ButlerError(
                .conflictingDefinition,
                "Dataset \(clash) of type '\(stored.type.name)' for \(ref.dataID) is certified already in "
                    + "'\(collection.name)' for a time that overlaps \(timespan); decertify it first.")
        }
    }

    /// Now, as the dataset table holds it.
    private func ingestDateValue() throws -> SQLValue {
        guard schema.storesIngestDateAsText else { return .int(TAINanoseconds.now.rawValue) }
        return .text(try IngestDateText.text(of: .now))
    }

    private func conflictsAsDefinitions(of type: String, in collection: String, _ body: () throws -> Void) throws {
        do {
            try connection.savepoint(body)
        } catch DatabaseError.constraintViolation(let violation) {
            throw ButlerError(
                .conflictingDefinition,
                violation.kind == .foreignKey
                    ? "A '\(type)' dataset for '\(collection)' names a dimension value that has no record; insert the "
                        + "dimension record first."
                    : "Collection '\(collection)' has a '\(type)' dataset with the same data ID or identifier already.")
        }
    }
}
