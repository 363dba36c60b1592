import ButlerModel

/// A column that a query can read: the key of a dimension, a field of a dimension record, or a field of a dataset.
public enum ColumnReference: Hashable, Sendable {
    case dimensionKey(DimensionElement)
    /// The payload's second part is an index into the element's ``ButlerModel/DimensionElement/columns``; never that
    /// of a key column.
    case dimensionField(DimensionElement, column: Int)
    case datasetField(datasetType: String, DatasetField)
}

/// What a query can read of a dataset.
public enum DatasetField: String, Hashable, Sendable, CaseIterable, Comparable {
    // In lexicographic order, which is the order of result columns.
    case collection
    case datasetID = "dataset_id"
    case ingestDate = "ingest_date"
    case run
    case timespan

    public var type: ValueType {
        switch self {
        case .collection, .run: .string
        case .datasetID: .uuid
        case .ingestDate: .ingestDate
        case .timespan: .timespan
        }
    }

    public static func < (a: DatasetField, b: DatasetField) -> Bool { a.rawValue < b.rawValue }
}

extension ColumnReference {
    public var type: ValueType {
        switch self {
        case .dimensionKey(let dimension): dimension.primaryKey.map { ValueType($0.type) } ?? .int
        case .dimensionField(let element, let column): ValueType(element.columns[column].type)
        case .datasetField(_, let field): field.type
        }
    }

    /// The field `name` of an element.
    /// - Throws: `ButlerError` of kind `invalidQuery` for key columns, which are referred to as dimensions, and unknown
    ///   names.
    public static func field(_ name: String, of element: DimensionElement) throws(ButlerError) -> ColumnReference {
        if let index = element.columnIndex(name) {
            switch element.columns[index].role {
            case .required, .implied: break
            case .alternateKey, .metadata, .region, .timespan: return .dimensionField(element, column: index)
            }
        }
        throw ButlerError(.invalidQuery, "Dimension field '\(element.name).\(name)' does not exist.")
    }

    /// The positions of the dimensions that must be part of a query for this column to have a value; empty for datasets,
    /// whose dimensions are those of the dataset type.
    public var dimensions: DimensionSet {
        switch self {
        case .dimensionKey(let dimension): DimensionSet([dimension.position])
        case .dimensionField(let element, _): element.requiredSet
        case .datasetField: DimensionSet()
        }
    }
}

extension ColumnReference: CustomStringConvertible {
    /// The column as expressions name it: `visit`, `visit.exposure_time`, `calexp.run`.
    public var description: String {
        switch self {
        case .dimensionKey(let dimension): dimension.name
        case .dimensionField(let element, let column): "\(element.name).\(element.columns[column].name)"
        case .datasetField(let datasetType, let field): "\(datasetType).\(field.rawValue)"
        }
    }
}
