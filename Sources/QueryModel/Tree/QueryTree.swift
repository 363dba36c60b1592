import ButlerModel

/// What is joined in a query and which rows count: everything but the form of the result.
///
/// A tree that exists is consistent: its dimensions hold those of all that is joined and of every column of the
/// predicate, and dataset fields are those of joined types. Source: query system reference, section 2.1.
public struct QueryTree: Hashable, Sendable {
    public let dimensions: DimensionGroup
    /// In the order in which they were joined; each type once.
    public let datasets: [DatasetSearch]
    /// A search for all dataset types with certain dimensions at once. No client sends one.
    public let anyDataset: DatasetSearch?
    public let uploads: [JoinedRows]
    public let materializations: [JoinedRows]
    public let predicate: Predicate
    /// Whether it is an error to constrain a dimension without its governor.
    public let validatesGovernors: Bool

    /// A set of data IDs that comes with the query, or that an earlier part of it made.
    public struct JoinedRows: Hashable, Sendable {
        /// The UUID that names it.
        public let key: DatasetID
        public let dimensions: DimensionGroup

        public init(key: DatasetID, dimensions: DimensionGroup) {
            self.key = key
            self.dimensions = dimensions
        }
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` when the parts do not fit together.
    public init(
        dimensions: DimensionGroup, datasets: [DatasetSearch] = [], anyDataset: DatasetSearch? = nil,
        uploads: [JoinedRows] = [], materializations: [JoinedRows] = [], predicate: Predicate = .alwaysTrue,
        validatesGovernors: Bool = true
    ) throws(ButlerError) {
        self.dimensions = dimensions
        self.datasets = datasets
        self.anyDataset = anyDataset
        self.uploads = uploads
        self.materializations = materializations
        self.predicate = predicate
        self.validatesGovernors = validatesGovernors
        try checkDimensions()
        var failure: ButlerError?
        predicate.forEachColumn { column in
            guard failure == nil else { return }
            do throws(ButlerError) { try requireColumn(column) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func checkDimensions() throws(ButlerError) {
        for search in datasets + (anyDataset.map { [$0] } ?? []) {
            guard search.dimensions.isSubset(of: dimensions) else {
                throw ButlerError(
                    .invalidQuery,
                    "Dataset type '\(search.datasetType)' has dimensions \(search.dimensions), which are not all among "
                        + "the query's \(dimensions).")
            }
        }
        for rows in uploads + materializations where !rows.dimensions.isSubset(of: dimensions) {
            throw ButlerError(
                .invalidQuery,
                "Joined data IDs have dimensions \(rows.dimensions), which are not all among the query's \(dimensions).")
        }
    }

    /// - Throws: `ButlerError` of kind `invalidQuery` when a column needs dimensions or datasets that are not here.
    func requireColumn(_ column: ColumnReference) throws(ButlerError) {
        if case .datasetField(let datasetType, _) = column {
            guard search(for: datasetType) != nil else {
                throw ButlerError(
                    .invalidQuery,
                    "Cannot reference dataset type(s) {'\(datasetType)'} that have not been joined.")
            }
        } else if !column.dimensions.isSubset(of: dimensions.members) {
            throw ButlerError(
                .invalidQuery, "Column '\(column)' needs dimensions that are not among the query's \(dimensions).")
        }
    }

    public func search(for datasetType: String) -> DatasetSearch? {
        datasetType == DatasetSearch.anyType ? anyDataset : datasets.first { $0.datasetType == datasetType }
    }

    /// The dimensions of each operand whose rows embed spatial and temporal joins already.
    public var operandDimensions: [DimensionGroup] {
        materializations.map(\.dimensions) + datasets.map(\.dimensions) + (anyDataset.map { [$0.dimensions] } ?? [])
            + uploads.map(\.dimensions)
    }

    public static func empty(in universe: DimensionUniverse) -> QueryTree {
        QueryTree(unchecked: universe.emptyGroup)
    }

    private init(unchecked dimensions: DimensionGroup) {
        self.dimensions = dimensions
        datasets = []
        anyDataset = nil
        uploads = []
        materializations = []
        predicate = .alwaysTrue
        validatesGovernors = true
    }
}

/// A search for the datasets of one type along a path of collections.
public struct DatasetSearch: Hashable, Sendable {
    /// Stands where the name of a dataset type would, in the search for all types at once. No type has this name.
    public static let anyType = ""

    public let datasetType: String
    /// Names, in search order; chains stand for their members. Globs are not expanded.
    public let collections: [String]
    /// The dimensions of the dataset type.
    public let dimensions: DimensionGroup

    public init(datasetType: String, collections: [String], dimensions: DimensionGroup) {
        self.datasetType = datasetType
        self.collections = collections
        self.dimensions = dimensions
    }
}

/// Something that a query joins to and that must be made first, in order.
public enum QueryInput: Sendable {
    /// Data IDs that a client sends: for each row the values of the required dimensions.
    case upload(QueryTree.JoinedRows, rows: [[DataIDValue]])
    /// The data IDs that a query finds, kept for later ones.
    case materialization(
        QueryTree.JoinedRows, QueryTree, datasets: Set<String>, allowsDuplicateOverlaps: Bool)

    /// The most rows of one upload.
    public static let maximumUploadCount = 100_000
}
