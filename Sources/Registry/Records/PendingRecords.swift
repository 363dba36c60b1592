import ButlerModel

/// Dimension records that are about to be inserted, for looking up data IDs as if they were there already.
public struct PendingRecords: Sendable {
    private var byElement: [Int: [[DataIDValue]: DimensionRecord]] = [:]

    public init(_ records: [DimensionRecord]) {
        for record in records where record.element.hasOwnTable {
            byElement[record.element.position, default: [:]][record.requiredValues] = record
        }
    }

    func record(of element: DimensionElement, _ values: [DataIDValue]) -> DimensionRecord? {
        if let target = element.impliedUnionTarget, let column = byElement.values.first(where: {
            $0.values.first?.element.name == target
        }) {
            // Its values are those that other records imply.
            guard let value = values.first,
                column.values.contains(where: { $0.value(ofDimension: element.position) == value })
            else { return nil }
            return DimensionRecord(element: element, values: [ColumnValue(value)])
        }
        return byElement[element.position]?[values]
    }
}

extension RegistrySnapshot {
    /// The same snapshot, with records that it finds where the database has none. Those of the database come first, as
    /// they will stay when the others are inserted.
    public func including(_ pending: PendingRecords) -> RegistrySnapshot {
        var copy = self
        copy.pending = pending
        return copy
    }
}
