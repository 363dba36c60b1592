import ButlerModel
import Registry

extension RegistrySnapshot {
    /// The dimension records that data IDs refer to, with those that are kept along with them, each once, in an order in
    /// which they can be inserted.
    ///
    /// - Parameters:
    ///   - dataIDs: expanded ones.
    ///   - elements: names; `nil` for all that have records of their own.
    /// Cost: a query for each record of an element that others are kept with (`visit`).
    func dimensionRecords(of dataIDs: [DataCoordinate], elements: Set<String>? = nil) throws -> [DimensionRecord] {
        struct Key: Hashable {
            let element: Int
            let values: [DataIDValue]
        }
        var seen: Set<Key> = []
        var records: [DimensionRecord] = []
        func add(_ record: DimensionRecord) {
            guard record.element.hasOwnTable, elements?.contains(record.element.name) ?? true,
                seen.insert(Key(element: record.element.position, values: record.requiredValues)).inserted
            else { return }
            records.append(record)
        }
        var found: [DimensionRecord] = []
        for dataID in dataIDs { for case let record? in dataID.records ?? [] { found.append(record) } }
        for record in found { add(record) }
        var companions: [DimensionRecord] = []
        // Where data IDs name such records themselves, the others of the same visit would be none of their business.
        let present = Set(found.map(\.element.position))
        for element in universe.elements where !present.contains(element.position) {
            guard let source = element.populatedBy else { continue }
            var visited: Set<[DataIDValue]> = []
            for record in found where record.element.name == source && visited.insert(record.requiredValues).inserted {
                let values = Dictionary(
                    zip(record.element.required.map { universe.elements[$0].name }, record.requiredValues),
                    uniquingKeysWith: { first, _ in first })
                try self.records(of: element, matching: values) { companion in
                    companions.append(companion)
                    return true
                }
            }
        }
        for record in companions {
            // What such a record refers to has to come along as well.
            let key = record.element.required.map { universe.elements[$0] }
            let named = Dictionary(
                zip(key.map(\.name), record.requiredValues), uniquingKeysWith: { first, _ in first })
            let dataID = try expand(named)
            for case let needed? in dataID.records ?? [] { add(needed) }
            add(record)
        }
        return records.sorted {
            $0.element.position != $1.element.position
                ? $0.element.position < $1.element.position
                : $0.requiredValues.lexicographicallyPrecedes($1.requiredValues)
        }
    }
}
