import ButlerModel

/// The order of datasets of one type by values of their data IDs.
struct DatasetOrder {
    private let keys: [(slot: Int, isReversed: Bool)]

    /// What a user asked for.
    /// - Throws: ``CommandFailure/unsupported(_:)`` for anything but a dimension of the group.
    init(_ names: [String], group: DimensionGroup) throws {
        keys = try names.map { text in
            let isReversed = text.hasPrefix("-")
            let name = isReversed ? String(text.dropFirst()) : text
            guard let element = group.universe.element(name), let slot = group.slot(of: element.position) else {
                throw CommandFailure.unsupported(
                    "--order-by '\(name)' is not supported yet: only the dimensions of the dataset type are "
                        + "(\(group.keyNames.joined(separator: ", "))).")
            }
            return (slot, isReversed)
        }
    }

    /// The order of tables: dimensions of space and time, with what they require, before the others.
    init(standardFor group: DimensionGroup) {
        var early: [Int] = []
        var late: [Int] = []
        for position in group.keys {
            let element = group.universe.elements[position]
            if element.isSpatial || element.isTemporal {
                early += element.required.compactMap(group.slot)
            } else {
                late += group.slot(of: position).map { [$0] } ?? []
            }
        }
        var seen = Set<Int>()
        keys = (early + late).filter { seen.insert($0).inserted }.map { ($0, false) }
    }

    /// Sorts datasets with full data IDs; those that compare equal keep their order.
    func sort(_ refs: inout [DatasetRef]) { refs.sort { precedes($0.dataID, $1.dataID) } }

    func precedes(_ a: DataCoordinate, _ b: DataCoordinate) -> Bool {
        for (slot, isReversed) in keys where a.values[slot] != b.values[slot] {
            return (a.values[slot] < b.values[slot]) != isReversed
        }
        return false
    }
}
