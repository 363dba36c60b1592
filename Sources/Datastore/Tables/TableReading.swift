import ButlerModel
import Parquet
import StructuredData
import Tables

/// Parts of tables: components and columns.
extension FileDatastore {
    private static let parquetClass = "lsst.daf.butler.formatters.parquet.ParquetFormatter"

    /// A derived component of a dataset in a Parquet file: `columns` (names), `rowcount` or `schema` (a table without
    /// rows). Only the description at the end of the file is read.
    ///
    /// - Returns: `nil` for a file of another kind, and for a component that the storage class does not have.
    func tablePart(_ component: String, _ info: StoredFileInfo, _ ref: DatasetRef) async throws -> DatasetValue? {
        guard info.formatter == Self.parquetClass,
            components(ofStorageClass: info.storageClass).contains(component)
        else { return nil }
        let isDataFrame = storageClasses[info.storageClass]?.pytype == "pandas.core.frame.DataFrame"
        return try await withParquet(info, ref) { file -> DatasetValue? in
            switch component {
            case "columns":
                // The index of a data frame may be kept as a column, and is none of them.
                let names = file.columnNames.filter { !isDataFrame || !$0.hasPrefix("__") }
                return .structured(.array(names.map { .string($0) }))
            case "rowcount": return .structured(.int(Int64(file.rowCount)))
            case "schema": return .table(try file.schema())
            default: return nil
            }
        }
    }

    /// A table, or some of its columns. Of a Parquet file only these are read.
    func table(_ info: StoredFileInfo, _ ref: DatasetRef, columns: [String]?) async throws -> Table {
        if info.formatter == Self.parquetClass {
            return try await withParquet(info, ref) { try $0.read(columns: columns) }
        }
        let value = try await read(info, of: ref.description)
        guard case .table(let table) = value else {
            throw DatastoreError.unreadable(
                path: info.path, formatter: info.formatter, reason: "it is \(value.kindName), not a table")
        }
        return try columns.map { try table.selecting($0) } ?? table
    }

    private func withParquet<Result: Sendable>(
        _ info: StoredFileInfo, _ ref: DatasetRef, _ body: @escaping @Sendable (ParquetFile) throws -> Result
    ) async throws -> Result {
        let artifact = try await artifact(info, of: ref.description)
        return try await FormatterCatalog.pool.run {
            do {
                return try body(try artifact.parquetFile())
            } catch let error as TableError {
                // Asking for a column that is not there is no fault of the file.
                if case .unknownColumn = error { throw error }
                throw artifact.failure("\(error)")
            }
        }
    }
}

extension StoredDataset {
    /// A dataset that is a table, or some of its columns.
    ///
    /// - Parameter columns: names, and patterns as in `Table.selecting`; `nil` for all. The index columns of a data
    ///   frame come along. Of a Parquet file only these columns are read.
    /// - Throws: `TableError.unknownColumn` for a name or pattern that selects nothing; `DatastoreError.unreadable` for a
    ///   dataset of another kind, `.notStored`, `.missingArtifact`, `.fileIntegrity`.
    public func table(_ ref: DatasetRef, columns: [String]? = nil) async throws -> Table {
        guard !isDisassembled, let info = infos.first else {
            throw DatastoreError.notStored(dataset: ref.description, datastore: datastore.name)
        }
        return try await datastore.table(info, ref, columns: columns)
    }
}
