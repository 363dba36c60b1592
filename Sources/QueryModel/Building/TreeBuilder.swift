import ButlerModel
import ByteText

/// Puts a ``QueryTree`` together, join by join. Dimensions grow with what is joined and with the columns of conditions.
public struct TreeBuilder: Sendable {
    public private(set) var dimensions: DimensionGroup
    public private(set) var datasets: [DatasetSearch] = []
    private var uploads: [QueryTree.JoinedRows] = []
    private var materializations: [QueryTree.JoinedRows] = []
    private var predicate = Predicate.alwaysTrue
    /// Whether it is an error to constrain a dimension without its governor.
    public var validatesGovernors = true

    public init(_ universe: DimensionUniverse) { dimensions = universe.emptyGroup }

    private var universe: DimensionUniverse { dimensions.universe }

    public mutating func join(_ group: DimensionGroup) { dimensions = dimensions.union(group) }

    /// Joins a search for datasets; a type that is joined already must have the same path.
    ///
    /// - Parameter collections: `nil` keeps the path of a type that is joined already.
    /// - Throws: `ButlerError` of kind `invalidQuery` for another path, or without any.
    public mutating func join(_ type: DatasetType, in collections: [String]?) throws(ButlerError) {
        if let earlier = datasets.first(where: { $0.datasetType == type.name }) {
            guard collections?.elementsEqual(earlier.collections, by: { $0.hasSameBytes(as: $1) }) ?? true else {
                throw ButlerError(
                    .invalidQuery,
                    "Dataset type '\(type.name)' was already joined into this query with a different collection search "
                        + "path (previously [\(earlier.collections.joined(separator: ", "))], now "
                        + "[\((collections ?? []).joined(separator: ", "))]).")
            }
            return
        }
        guard let collections else {
            throw ButlerError(.invalidQuery, "No collections to search for datasets of type '\(type.name)'; name some.")
        }
        join(type.dimensions)
        datasets.append(
            DatasetSearch(datasetType: type.name, collections: collections, dimensions: type.dimensions))
    }

    /// Joins data IDs that come with the query under this key.
    public mutating func join(upload rows: QueryTree.JoinedRows) {
        join(rows.dimensions)
        uploads.append(rows)
    }

    /// The builder of a query on the rows that this one finds, which are kept under a key; of the dataset searches only
    /// those named stay.
    /// - Throws: `ButlerError` of kind `invalidQuery` when the rows lack dimensions of a search that stays.
    public func materialized(
        as rows: QueryTree.JoinedRows, keeping datasets: Set<String>
    ) throws(ButlerError) -> TreeBuilder {
        var builder = TreeBuilder(universe)
        builder.join(rows.dimensions)
        builder.materializations = [rows]
        for search in self.datasets where datasets.contains(search.datasetType) {
            guard search.dimensions.isSubset(of: rows.dimensions) else {
                throw ButlerError(
                    .invalidQuery,
                    "Materialization-backed query has dimensions \(rows.dimensions), which do not cover the dimensions "
                        + "\(search.dimensions) of dataset type '\(search.datasetType)'.")
            }
            builder.datasets.append(search)
        }
        builder.validatesGovernors = validatesGovernors
        return builder
    }

    /// Adds a condition and the dimensions of its columns.
    /// - Throws: `ButlerError` of kind `invalidQuery` for fields of datasets that are not joined.
    public mutating func filter(_ condition: Predicate) throws(ButlerError) {
        var needed = DimensionSet()
        var missing: Set<String> = []
        condition.forEachColumn { column in
            needed.formUnion(column.dimensions)
            if case .datasetField(let name, _) = column, !datasets.contains(where: { $0.datasetType == name }) {
                missing.insert(name)
            }
        }
        guard missing.isEmpty else {
            let names = missing.sorted().map { "'\($0)'" }.joined(separator: ", ")
            throw ButlerError(
                .invalidQuery, "Cannot reference dataset type(s) {\(names)} that have not been joined.")
        }
        join(universe.group(conforming: needed))
        predicate = predicate.and(condition)
    }

    /// Adds `dimension = value` for each value.
    /// - Throws: `ButlerError` of kind `dimensionName` for names that are no dimensions, `invalidQuery` for values of
    ///   another type than the dimension's.
    public mutating func filter(_ dataID: [String: DataIDValue]) throws(ButlerError) {
        try filter(try Predicate(dataID: dataID, in: universe))
    }

    public func tree() throws(ButlerError) -> QueryTree {
        try QueryTree(
            dimensions: dimensions, datasets: datasets, uploads: uploads, materializations: materializations,
            predicate: predicate, validatesGovernors: validatesGovernors)
    }
}

extension Predicate {
    /// `dimension = value` for each value, in the order of names.
    /// - Throws: `ButlerError` of kind `dimensionName` for names that are no dimensions, `invalidQuery` for values of
    ///   another type than the dimension's.
    init(dataID: [String: DataIDValue], in universe: DimensionUniverse) throws(ButlerError) {
        var groups: [[PredicateLeaf]] = []
        for (name, value) in dataID.sorted(by: { $0.key < $1.key }) {
            guard let dimension = universe.element(name), dimension.isDimension else {
                throw ButlerError(.dimensionName, "No dimension with name '\(name)' in a data ID of a query.")
            }
            groups.append([try .comparing(.column(.dimensionKey(dimension)), .equal, .literal(QueryLiteral(value)))])
        }
        self.init(groups: groups)
    }
}
