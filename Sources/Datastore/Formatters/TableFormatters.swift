import ButlerModel
import Parquet
import StructuredData
import Tables

/// Tables that astropy reads by their extension: ECSV as a table, FITS as such.
struct AstropyTableFormatter: DatasetFormatter {
    func read(_ artifact: Artifact) throws -> DatasetValue {
        if FITSFormatter.extensions.contains(artifact.pathExtension) { return try FITSFormatter().read(artifact) }
        guard artifact.pathExtension == ".ecsv" else { return try OpaqueFormatter().read(artifact) }
        do {
            return .table(try Table(ecsv: try artifact.bytes()))
        } catch let error as TableError {
            throw artifact.failure("\(error)")
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        if let format = target.formatter.parameters["format"]?.stringValue, format != "ecsv" {
            throw target.failure("its format '\(format)' cannot be written; configure the format ecsv")
        }
        do throws(TableError) {
            switch value {
            case .table(let table): return EncodedArtifact(try table.ecsv(), ".ecsv")
            case .text(let text):
                // What is no ECSV would be found by its readers only.
                _ = try Table(ecsv: text)
                return EncodedArtifact(Array(text.utf8), ".ecsv")
            default: break
            }
        } catch let error {
            throw target.failure("\(error)")
        }
        throw target.failure("the value is \(value.kindName); give a table, the text of one, or a FITS file")
    }
}

/// Tables in Parquet, as `lsst.daf.butler.formatters.parquet.ParquetFormatter` has them. Source: repository format
/// reference, section 6.5.
struct ParquetTableFormatter: DatasetFormatter {
    /// Storage classes of these Python types hold the description of a table without rows.
    private static let schemaTypes: [String: ParquetStyle] = [
        "pyarrow.Schema": .arrow, "pyarrow.lib.Schema": .arrow,
        "lsst.daf.butler.formatters.parquet.ArrowAstropySchema": .astropy,
        "lsst.daf.butler.formatters.parquet.ArrowNumpySchema": .numpy,
        "lsst.daf.butler.formatters.parquet.DataFrameSchema": .pandas,
    ]
    private static let tableTypes: [String: ParquetStyle] = [
        "astropy.table.Table": .astropy, "astropy.table.QTable": .astropy, "numpy.ndarray": .numpy, "dict": .numpy,
        "pandas.core.frame.DataFrame": .pandas,
    ]

    func read(_ artifact: Artifact) throws -> DatasetValue {
        do {
            return .table(try artifact.parquetFile().read())
        } catch let error as TableError {
            throw artifact.failure("\(error)")
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        guard case .table(let given) = value else { throw target.failure("the value is \(value.kindName), not a table") }
        let type = target.storageClass.pytype
        let isSchema = Self.schemaTypes[type] != nil
        let style = Self.schemaTypes[type] ?? Self.tableTypes[type] ?? .arrow
        if isSchema, given.rowCount > 0 {
            throw target.failure("storage class '\(target.storageClass.name)' holds no rows; give a table without rows")
        }
        // Python adds provenance to what it has as astropy's tables, and to nothing else.
        let table = style == .astropy && !isSchema ? given.with(target.provenance ?? DatasetProvenance(), of: target.ref) : given
        do throws(TableError) {
            let bytes = try table.parquet(style: style, schemaOnly: isSchema, name: target.dataset)
            return EncodedArtifact(bytes, ".parq")
        } catch let error {
            throw target.failure("\(error)")
        }
    }
}

extension Artifact {
    /// The file, opened as Parquet. Blocks.
    func parquetFile() throws -> ParquetFile {
        switch content {
        case .file(let path): try ParquetFile(contentsOf: path)
        case .memory(let bytes): try ParquetFile(bytes: bytes, name: name)
        }
    }
}

/// Provenance in the metadata of astropy's tables, under `LSST.BUTLER` keys. Source: quantum reference, section 11.1.
extension Table {
    private static let provenancePrefix = "LSST.BUTLER"
    /// With more inputs, tables hold only their number.
    private static let maximumInputs = 2000

    /// The table with this provenance in place of the one that it may have.
    fileprivate func with(_ provenance: DatasetProvenance, of ref: DatasetRef) -> Table {
        let kept = metadata.pairs.filter { !$0.key.hasPrefix(Self.provenancePrefix + ".") }
        let added = provenance.flat(
            for: ref, prefix: Self.provenancePrefix, separator: ".", maximumInputs: Self.maximumInputs)
        var table = self
        table.metadata = StructuredMapping(kept.map { ($0.key, $0.value) } + added.map { ($0.key, $0.value) })
        return table
    }

    /// The provenance that the table holds and the dataset that it is about; `nil` without any.
    ///
    /// - Throws: `ButlerError` of kind `malformedModel` for keys that were damaged.
    public func provenance() throws(ButlerError) -> (provenance: DatasetProvenance, dataset: DatasetID?)? {
        try DatasetProvenance.read(flat: metadata.pairs.map { (key: $0.key, value: $0.value) })
    }
}
