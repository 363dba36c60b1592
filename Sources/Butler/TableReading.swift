import ButlerModel
import Datastore
import Tables

extension LimitedButler {
    /// Reads a dataset that is a table in Parquet or ECSV, or some of its columns.
    ///
    ///     let positions = try await butler.table(ref, columns: ["coord_ra", "coord_dec", "*_psfFlux"])
    ///
    /// - Parameter columns: names and patterns with `*`, `?` and `[…]`, case-sensitive; `nil` for all. Of a Parquet file
    ///   only these columns are read.
    /// - Throws: `TableError.unknownColumn` for one that selects nothing; `DatastoreError` when there is no file, or it is
    ///   damaged, or holds no table.
    public func table(_ ref: DatasetRef, columns: [String]? = nil) async throws -> Table {
        var missing: DatastoreError?
        for dataset in try await stored(ref.id) {
            do {
                return try await dataset.table(ref, columns: columns)
            } catch let error as DatastoreError {
                // Another datastore may still have the file.
                guard case .missingArtifact = error else { throw error }
                missing = missing ?? error
            }
        }
        if let missing { throw missing }
        // No datastore has it, which this says with their names.
        guard case .table(let table) = try await get(ref) else {
            throw DatastoreError.notStored(dataset: ref.description, datastore: "")
        }
        return try columns.map { try table.selecting($0) } ?? table
    }
}
