public import ButlerModel
public import QueryModel

/// A part of a result as values.
public enum ResultPage: Sendable {
    case dataCoordinates([DataCoordinate])
    case dimensionRecords([DimensionRecord])
    case datasetRefs([DatasetRef])
    case general([GeneralRow])

    public var count: Int {
        switch self {
        case .dataCoordinates(let rows): rows.count
        case .dimensionRecords(let rows): rows.count
        case .datasetRefs(let rows): rows.count
        case .general(let rows): rows.count
        }
    }
}

/// A row of a general result.
public struct GeneralRow: Sendable {
    /// What the values are, the same for all rows of a result.
    public let columns: [ColumnReference]
    public let values: [ColumnValue]

    /// The value of the column with this name, such as `visit`, `visit.exposure_time` or `calexp.run`.
    public subscript(name: String) -> ColumnValue? {
        columns.firstIndex { $0.description == name }.map { values[$0] }
    }
}
