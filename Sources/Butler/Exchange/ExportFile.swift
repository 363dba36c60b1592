import AstroTime
import ButlerModel

/// What an export file says: the part of a repository that it carries, as it was written there.
///
/// Names are not resolved here, because the repository that takes the file in may have another universe.
/// Source: repository format reference, section 8.1.
public struct ExportFile: Sendable {
    /// The format that is written, and the newest that is read.
    public static let version = "1.0.2"
    public static let defaultName = "export.yaml"

    public var universeVersion: Int64 = 0
    public var universeNamespace = "daf_butler"
    /// In the order of the file.
    public var records: [ElementRecords] = []
    public var collections: [Collection] = []
    public var datasetTypes: [Definition] = []
    public var datasets: [Datasets] = []
    /// Those of all `datasets`, which are too many for memory.
    public private(set) var files = ExportedFiles()
    public var tags: [Tags] = []
    public var validityRanges: [ValidityRange] = []

    public init() {}

    /// Records of one dimension element, each by the names of its columns in the universe of the file.
    public struct ElementRecords: Sendable {
        public var element: String
        public var records: [[String: ColumnValue]]
    }

    public struct Collection: Sendable, Equatable {
        public var name: String
        public var type: CollectionType
        public var documentation: String?
        /// The members of a chain, in search order.
        public var children: [String] = []
    }

    /// A dataset type.
    public struct Definition: Sendable, Equatable {
        public var name: String
        public var dimensions: [String]
        public var storageClass: String
        public var isCalibration: Bool
    }

    /// A section of files with datasets of one type in one run.
    public struct Datasets: Sendable, Equatable {
        /// By which its files are known.
        public var section: Int
        public var datasetType: String
        public var run: String
        public var fileCount: Int
        public var datasetCount: Int
    }

    /// A file and the datasets in it.
    public struct File: Sendable, Equatable {
        public struct Dataset: Sendable, Equatable {
            public var id: DatasetID
            public var dataID: [String: DataIDValue]
        }
        public var datasets: [Dataset]
        /// Relative to the directory of the export, or an absolute location; `nil` for datasets without a file.
        public var path: String?
        /// Python class name; `nil` to let the importing repository choose.
        public var formatter: String?
    }

    public struct Tags: Sendable, Equatable {
        public var collection: String
        public var ids: [DatasetID]
    }

    public struct ValidityRange: Sendable, Equatable {
        public var collection: String
        public var timespan: Timespan
        public var ids: [DatasetID]
    }
}
