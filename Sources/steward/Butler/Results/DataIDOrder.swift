import ButlerModel

/// The order of data IDs in tables: dimensions of space and time, with what they require, before the others.
struct DataIDOrder {
    private let slots: [Int]

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
        slots = (early + late).filter { seen.insert($0).inserted }
    }

    /// Of full data IDs.
    func precedes(_ a: DataCoordinate, _ b: DataCoordinate) -> Bool {
        for slot in slots where a.values[slot] != b.values[slot] { return a.values[slot] < b.values[slot] }
        return false
    }
}
