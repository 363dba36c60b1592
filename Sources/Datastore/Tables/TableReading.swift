import ButlerModel
import FITS
import Parquet
import StructuredData
import Tables

/// Parts of tables in Parquet files, read without the rest.
extension FileDatastore {
    private static let parquetClass = "lsst.daf.butler.formatters.parquet.ParquetFormatter"

    /// A derived component of a dataset in a Parquet file, for which only the description at its end is read, or some of
    /// its columns.
    ///
    /// - Returns: `nil` for a file of another kind, a component that the storage class does not have, and the whole.
    /// - Throws: ``DatastoreError/unusableParameter(dataset:parameter:reason:)`` for a column that is not there.
    func tablePart(
        _ component: String?, _ parameters: ReadParameters, _ info: StoredFileInfo, _ ref: DatasetRef
    ) async throws -> DatasetValue? {
        guard info.formatter == Self.parquetClass else { return nil }
        if let component {
            let derived = storageClasses[info.storageClass]?.derivedComponents ?? []
            guard derived.contains(where: { $0.name == component }) else { return nil }
        } else if parameters.columns == nil {
            return nil
        }
        let artifact = try await reachableArtifact(info, of: ref)
        return try await FormatterCatalog.pool.run {
            do {
                let file = try artifact.parquetFile()
                switch component {
                // What the conditions need comes along, and goes in the end.
                case nil: return .table(try file.read(columns: parameters.columnsNeeded))
                case "rowcount"?: return .structured(.int(Int64(file.rowCount)))
                case let name?: return TableDelegate.described(name, by: try file.schema())
                }
            } catch let error as TableError {
                if case .unknownColumn = error {
                    throw DatastoreError.unusableParameter(
                        dataset: ref.description, parameter: "columns", reason: "\(error)")
                }
                throw artifact.failure("\(error)")
            }
        }
    }
}

/// Tables: what can be told of them without their rows. Source: repository format reference, section 6.5.
struct TableDelegate: StorageClassDelegate {
    func parts(of value: DatasetValue) -> [String: DatasetValue]? { nil }

    func component(_ name: String, of value: DatasetValue) -> DatasetValue? {
        guard case .table(let table) = value else { return nil }
        if name == "rowcount" { return .structured(.int(Int64(table.rowCount))) }
        return Self.described(name, by: table)
    }

    /// `columns` (a list of names) and `schema` (a table without rows).
    static func described(_ name: String, by table: Table) -> DatasetValue? {
        switch name {
        case "columns":
            // The index of a data frame may be kept as a column without a name of its own, and is none of them.
            let isDataFrame = PandasLayout(table) != nil
            let names = table.columnNames.filter { !isDataFrame || !$0.hasPrefix("__") }
            return .structured(.array(names.map { .string($0) }))
        case "schema": return .table(table.withoutRows)
        default: return nil
        }
    }

    func source(ofDerived name: String) -> String? { nil }

    func whole(_ components: [String: DatasetValue]) -> DatasetValue { .composite(components) }
}

extension ReadParameters {
    /// Whether rows, columns or metadata of a table are left out.
    var cutsTable: Bool { columns != nil || !filters.isEmpty || stripsAstropyMetadata }

    /// The columns that are wanted, and those that conditions are about; `nil` for all.
    var columnsNeeded: [String]? { columns.map { $0 + filters.flatMap { $0.map(\.column) } } }
}

extension DatasetValue {
    /// Some rows and columns of a table.
    ///
    /// - Throws: ``DatastoreError/unusableParameter(dataset:parameter:reason:)`` for a column that is not there or cannot be
    ///   compared, and for what is no table.
    func cutting(_ parameters: ReadParameters, dataset: String) throws -> DatasetValue {
        func unusable(_ parameter: String, _ reason: String) -> DatastoreError {
            .unusableParameter(dataset: dataset, parameter: parameter, reason: reason)
        }
        guard case .table(var table) = self else { throw unusable(parameters.names[0], "it is \(kindName)") }
        do throws(TableError) {
            table = try table.filtered(by: parameters.filters)
        } catch let error {
            throw unusable("filters", "\(error)")
        }
        do throws(TableError) {
            if let columns = parameters.columns { table = try table.selecting(columns) }
            return .table(parameters.stripsAstropyMetadata ? try table.withoutAstropyMetadata() : table)
        } catch let error {
            throw unusable("columns", "\(error)")
        }
    }
}

/// A table, or the first one of a FITS file, as its columns and units; without the cards of the header.
extension Table: ReadableDataset {
    public static var datasetKind: String { "a table" }

    public init?(dataset value: DatasetValue) throws {
        switch value {
        case .table(let table): self = table
        case .fits(let file):
            guard let table = file.hdus.lazy.compactMap(\.table).first else { return nil }
            let columns = try table.columns.map { column in
                guard let readable = try TableColumn(column) else {
                    throw TableError.invalidColumn(name: column.name, reason: "it is of a FITS type that tables do not hold")
                }
                return readable
            }
            try self.init(columns)
        default: return nil
        }
    }
}
