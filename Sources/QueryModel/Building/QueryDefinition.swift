public import ButlerModel

/// A query as a program states it: steps whose names are looked up when the query runs, all in the transaction that
/// reads the rows. So steps never throw, and what they refer to is that of one state of the repository.
public struct QueryDefinition: Sendable {
    public internal(set) var steps: [Step] = []
    /// Whether it is an error to constrain a dimension without its governor.
    public var validatesGovernors = true

    public init() {}

    public enum Step: Sendable {
        /// Names of dimensions; the name of another element stands for its dimensions.
        case joinDimensions([String])
        case joinDatasets(DatasetTypeReference, SearchPath)
        case joinDataIDs([DataCoordinate], key: DatasetID)
        case filter(QueryCondition)
        /// Runs the query so far and goes on with its data IDs, reduced to the dimensions (`nil`: all), and with the
        /// searches for these dataset types (`nil`: all).
        case materialize(dimensions: [String]?, datasets: [String]?, key: DatasetID)
    }

    func adding(_ step: Step) -> QueryDefinition {
        var definition = self
        definition.steps.append(step)
        return definition
    }
}

/// A dataset type by name, with what the caller takes for granted about it.
public struct DatasetTypeReference: Hashable, Sendable {
    public let name: String
    /// Must be those of the repository's definition, if given.
    public let dimensions: DimensionGroup?
    /// How datasets are to be handed out, if not in the registered storage class.
    public let storageClass: String?

    public init(_ name: String, storageClass: String? = nil) {
        self.name = name
        dimensions = nil
        self.storageClass = storageClass
    }

    public init(_ type: DatasetType) {
        name = type.name
        dimensions = type.dimensions
        storageClass = type.storageClass
    }
}

/// Where to search for datasets.
public enum SearchPath: Hashable, Sendable {
    /// As joined before, else the default collections.
    case standard
    /// Names in search order; a glob is a name that does not exist.
    case names([String])
    /// Names and globs, in whatever order they are found.
    case patterns([String])
}

// MARK: - Steps

extension QueryDefinition {
    public func joinDimensions(_ names: [String]) -> QueryDefinition { adding(.joinDimensions(names)) }

    public func joinDatasets(_ type: DatasetTypeReference, in path: SearchPath) -> QueryDefinition {
        adding(.joinDatasets(type, path))
    }

    public func joinDataIDs(_ dataIDs: some Sequence<DataCoordinate>) -> QueryDefinition {
        adding(.joinDataIDs(Array(dataIDs), key: .arbitrary()))
    }

    public func `where`(_ condition: QueryCondition) -> QueryDefinition { adding(.filter(condition)) }

    public func materialize(dimensions: [String]? = nil, datasets: [String]? = nil) -> QueryDefinition {
        adding(.materialize(dimensions: dimensions, datasets: datasets, key: .arbitrary()))
    }
}

extension DatasetID {
    /// A name for rows within one query.
    fileprivate static func arbitrary() -> DatasetID {
        DatasetID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }
}
