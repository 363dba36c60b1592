import ButlerModel
import Datastore
import ObjectStorage

/// A file that is to become one dataset, or several.
public struct FileIngest: Sendable {
    /// Absolute, or relative to the root of the datastore.
    public var location: ResourceURI
    /// With their identifiers; data IDs need not be expanded.
    public var datasets: [DatasetRef]
    /// Python class name of the formatter that reads the file; `nil`: the one configured for the first dataset.
    public var formatter: String?

    public init(location: ResourceURI, datasets: [DatasetRef], formatter: String? = nil) {
        self.location = location
        self.datasets = datasets
        self.formatter = formatter
    }
}

/// A file with the records that it is to have: for files whose records are known from elsewhere, such as another
/// repository or the index of an archive.
///
/// All records name one file: their paths differ at most in the fragment that names a member of an archive.
public struct RecordedFile: Sendable {
    public struct Row: Sendable {
        public var ref: DatasetRef
        public var info: StoredFileInfo

        public init(_ ref: DatasetRef, _ info: StoredFileInfo) {
            self.ref = ref
            self.info = info
        }
    }

    /// Where the file is now; absolute.
    public var source: ResourceURI
    public var rows: [Row]

    public init(source: ResourceURI, rows: [Row]) {
        self.source = source
        self.rows = rows
    }
}
