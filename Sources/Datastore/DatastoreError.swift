/// What can go wrong between a dataset and its files. Each text names the thing and says what to do, in one line.
public enum DatastoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A file template that no dataset could use.
    case invalidTemplate(template: String, reason: String)
    /// A file template that does not suit a dataset or dataset type.
    case unusableTemplate(template: String, dataset: String, reason: String)
    case noTemplate(datasetType: String, datastore: String)
    case noFormatter(datasetType: String, storageClass: String, datastore: String)
    /// The constraints of the datastore refuse the dataset type.
    case rejected(dataset: String, datastore: String)
    /// No datastore holds files of the dataset.
    case notStored(dataset: String, datastore: String)
    /// The datastore has records of the dataset, but not of this component.
    case noComponent(dataset: String, component: String, known: [String])
    case alreadyStored(dataset: String, datastore: String)
    /// A recorded file does not exist.
    case missingArtifact(path: String, dataset: String)
    /// Recorded files of datasets that are to go elsewhere do not exist.
    case missingSources(count: Int, examples: [String])
    /// A file does not have the recorded size.
    case fileIntegrity(path: String, expected: Int64, found: Int64)
    /// A file does not have the recorded checksum.
    case checksumMismatch(path: String)
    case unsupportedLocation(uri: String)
    /// A record that cannot have been written by a datastore.
    case malformedRecord(dataset: String, reason: String)
    case malformedZip(path: String, reason: String)
    case unreadable(path: String, formatter: String, reason: String)
    case unwritable(dataset: String, formatter: String, reason: String)
    case invalidConfiguration(datastore: String, reason: String)
    /// A component that the storage class has, but that only its Python delegate or formatter can make.
    case underivable(dataset: String, component: String, maker: String)
    /// A read parameter that the storage class does not know, or that means nothing for the value.
    case unusableParameter(dataset: String, parameter: String, reason: String)
    /// The dataset holds a value of another kind than the one asked for.
    case wrongType(dataset: String, expected: String, found: String)
    /// A storage class that the recorded one cannot be read as.
    case notConvertible(dataset: String, recorded: String, wanted: String)
    /// Files of two datasets would get the same name outside of the datastore.
    case ambiguousTarget(path: String, datasets: [String])
    /// The index of an earlier retrieval does not go together with the one to be written.
    case foreignIndex(path: String)
    /// The disk of a datastore seems not to be mounted.
    case absent(datastore: String, reason: String)
    /// What a writer was about to do cannot be read.
    case malformedJournal(path: String, reason: String)
    /// The files of an operation are larger, in bytes, than what is left.
    case notEnoughRoom(root: String, needed: Int64, free: Int64)
    /// A file cannot come into a datastore as asked for.
    case notIngestible(location: String, reason: String)

    public var description: String {
        switch self {
        case .invalidTemplate(let template, let reason):
            "file template '\(template)' is not usable: \(reason); correct it in the datastore's configuration"
        case .unusableTemplate(let template, let dataset, let reason):
            "file template '\(template)' gives no path for \(dataset): \(reason)"
        case .noTemplate(let datasetType, let datastore):
            "datastore '\(datastore)' has no file template for dataset type '\(datasetType)'; configure one, or a default"
        case .noFormatter(let datasetType, let storageClass, let datastore):
            "datastore '\(datastore)' has no formatter for dataset type '\(datasetType)' of storage class "
                + "'\(storageClass)'; add one to the datastore's formatters"
        case .rejected(let dataset, let datastore):
            "the constraints of datastore '\(datastore)' refuse \(dataset); change them or choose another datastore"
        case .notStored(let dataset, let datastore):
            "datastore '\(datastore)' holds no file of \(dataset); it was never stored, or was removed"
        case .noComponent(let dataset, let component, let known):
            "\(dataset) is not stored with a component '\(component)'; it has "
                + (known.isEmpty ? "none" : known.joined(separator: ", "))
        case .alreadyStored(let dataset, let datastore):
            "datastore '\(datastore)' already holds \(dataset); remove it before storing it again"
        case .missingArtifact(let path, let dataset):
            "the file '\(path)' of \(dataset) does not exist; restore it, or prune the dataset from the repository"
        case .missingSources(let count, let examples):
            "files of \(count) \(count == 1 ? "dataset do" : "datasets do") not exist: \(examples.joined(separator: "; "))"
                + "\(count > examples.count ? "; …" : ""); restore them, or leave the datasets out"
        case .fileIntegrity(let path, let expected, let found):
            "the file '\(path)' should have \(expected) bytes and has \(found); restore it from a good copy"
        case .checksumMismatch(let path):
            "the content of '\(path)' is not what its recorded checksum says; restore it from a good copy"
        case .unsupportedLocation(let uri):
            "reading '\(uri)' is not supported yet by this build, which reads local files; copy the file into the datastore"
        case .malformedRecord(let dataset, let reason):
            "the datastore record of \(dataset) is not usable: \(reason); correct the records table"
        case .malformedZip(let path, let reason):
            "'\(path)' is not a usable zip archive: \(reason); make the archive again"
        case .unreadable(let path, let formatter, let reason):
            "cannot read '\(path)' with formatter \(formatter): \(reason)"
        case .unwritable(let dataset, let formatter, let reason):
            "cannot write \(dataset) with formatter \(formatter): \(reason)"
        case .invalidConfiguration(let datastore, let reason):
            "the configuration of datastore '\(datastore)' is not usable: \(reason)"
        case .underivable(let dataset, let component, let maker):
            "component '\(component)' of \(dataset) can only be made by Python's \(maker); read the whole dataset, or use Python"
        case .unusableParameter(let dataset, let parameter, let reason):
            "read parameter '\(parameter)' cannot be used for \(dataset): \(reason)"
        case .wrongType(let dataset, let expected, let found):
            "\(dataset) holds \(found), not \(expected); ask for another type"
        case .notConvertible(let dataset, let recorded, let wanted):
            "\(dataset) is stored as \(recorded) and cannot be read as \(wanted); choose a storage class that converts from it"
        case .ambiguousTarget(let path, let datasets):
            "several files would be brought to '\(path)' (\(datasets.joined(separator: "; "))); keep their folders, or "
                + "bring fewer datasets"
        case .foreignIndex(let path):
            "'\(path)' is of another kind of repository, or damaged; choose another folder, or ask to replace what is there"
        case .absent(let datastore, let reason): "absent datastore '\(datastore)': \(reason)"
        case .malformedJournal(let path, let reason):
            "the intent '\(path)' cannot be read: \(reason); run 'steward butler check', then remove it"
        case .notEnoughRoom(let root, let needed, let free):
            "the files need \(needed) bytes below '\(root)', where \(free) are free; make room or bring fewer"
        case .notIngestible(let location, let reason):
            "cannot ingest '\(location)': \(reason)"
        }
    }
}
