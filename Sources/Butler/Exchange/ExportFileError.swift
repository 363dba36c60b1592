import StructuredData

/// Why an export file cannot be used.
public enum ExportFileError: Error, Sendable, Hashable, CustomStringConvertible {
    case unsupportedVersion(String)
    case empty
    /// Something in the file is not as the format asks; `at` is where.
    case malformed(String, at: TextPosition)
    /// The file repeats itself through aliases beyond all measure.
    case tooManyValues(limit: Int, at: TextPosition)
    /// A record of an older universe lacks what its successor is made from.
    case cannotMigrate(element: String, reason: String)
    /// The file of a dataset is at a place that an import does not take it from.
    case badPath(path: String, reason: String)
    case notFound(path: String)
    /// What an export was asked for cannot be exported.
    case cannotExport(String)
    case unknownDataset(id: String, collection: String)
    /// Datasets are in a run that neither the file nor the repository has.
    case undefinedRun(String)

    public var description: String {
        switch self {
        case .unsupportedVersion(let version):
            "The export file has version \(version); this program reads versions 1.0.0 to \(ExportFile.version). Export "
                + "the datasets again with a matching version of the software."
        case .empty: "The export file is empty; export the datasets again."
        case .malformed(let complaint, let at): "The export file is not usable: \(complaint) (\(at))."
        case .tooManyValues(let limit, let at):
            "The export file is not usable: its aliases repeat more than \(limit) values (\(at))."
        case .cannotMigrate(let element, let reason):
            "A record of '\(element)' in the export file cannot be carried over to this repository: \(reason)."
        case .badPath(let path, let reason): "The export file names '\(path)' as the file of a dataset: \(reason)."
        case .notFound(let path): "There is no export file '\(path)'."
        case .cannotExport(let reason): reason
        case .unknownDataset(let id, let collection):
            "The export file makes dataset \(id) a member of '\(collection)' but does not hold that dataset."
        case .undefinedRun(let run):
            "The export file has datasets in the run '\(run)' but does not define it, and the repository has no such collection. "
                + "Export the datasets again, or make the run before the import."
        }
    }
}
