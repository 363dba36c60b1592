import ButlerModel
import QueryModel

/// The columns that a stage of a plan has: all keys of its dimensions, and fields.
struct PlanColumns: Sendable {
    var dimensions: DimensionGroup
    /// Column indices by position of the element.
    var fields: [Int: Set<Int>] = [:]
    /// By name of the dataset type.
    var datasets: [String: Set<DatasetField>] = [:]

    init(_ dimensions: DimensionGroup) { self.dimensions = dimensions }

    mutating func insert(_ column: ColumnReference) {
        switch column {
        case .dimensionKey: break
        case .dimensionField(let element, let index): fields[element.position, default: []].insert(index)
        case .datasetField(let datasetType, let field): datasets[datasetType, default: []].insert(field)
        }
    }

    mutating func insertRegion(of element: DimensionElement) {
        if let index = element.regionColumn { fields[element.position, default: []].insert(index) }
    }

    func hasRegion(of element: DimensionElement) -> Bool {
        element.regionColumn.map { fields[element.position]?.contains($0) == true } ?? false
    }

    mutating func formUnion(_ other: PlanColumns) {
        fields.merge(other.fields) { $0.union($1) }
        datasets.merge(other.datasets) { $0.union($1) }
    }
}

extension ResultSpecification {
    /// The columns that a result of this kind reads. Records of cached elements come from memory.
    ///
    /// - Parameter looksUpShared: whether records of dimensions that many rows share are looked up by key, so that rows
    ///   need not carry them. Every key must have its record then.
    func columns(looksUpShared: Bool) -> PlanColumns {
        var columns = PlanColumns(dimensions)
        let required = DimensionSet(dimensions.required)
        func insertRecords(always: Bool = false) {
            for element in dimensions.elements where element.isStoredAlone {
                let isShared = element.isDimension && !required.isSubset(of: element.requiredSet)
                if isShared, looksUpShared, !always { continue }
                for (index, column) in element.columns.enumerated() where column.isField {
                    columns.fields[element.position, default: []].insert(index)
                }
            }
        }
        switch kind {
        case .dataCoordinates(_, let withRecords): if withRecords { insertRecords() }
        case .dimensionRecords(let element, _):
            if element.skypix == nil {
                for (index, column) in element.columns.enumerated() where column.isField {
                    columns.fields[element.position, default: []].insert(index)
                }
            }
        case .datasetRefs(let refs):
            columns.datasets[refs.datasetType] = [.datasetID, .run]
            if refs.withRecords { insertRecords() }
        case .general(let general):
            for (element, indices) in general.dimensionFields { columns.fields[element.position] = Set(indices) }
            for (datasetType, fields) in general.datasetFields { columns.datasets[datasetType] = Set(fields) }
            // These are columns of the rows themselves.
            if general.withRecords { insertRecords(always: true) }
        }
        return columns
    }
}

extension DimensionElement {
    /// Whether records are read with the rows of a query rather than from memory or computed.
    var isStoredAlone: Bool { skypix == nil && !isCached }
}

extension ElementColumn {
    /// Whether this is no key of a dimension.
    var isField: Bool {
        switch role {
        case .required, .implied: false
        case .alternateKey, .metadata, .region, .timespan: true
        }
    }
}
