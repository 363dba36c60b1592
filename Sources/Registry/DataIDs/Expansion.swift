import ButlerModel

/// Completes data IDs with what the repository knows: implied values and records.
/// Source: repository format reference, section 3.6.
extension RegistrySnapshot {
    /// The data ID with a record for every element of its group.
    ///
    /// Elements that only join dimensions may have no record, unless they define relationships.
    /// - Throws: `ButlerError` of kind `dataIDValue` when a dimension has no record for its value, of kind
    ///   `inconsistentDataID` when values contradict each other.
    /// - Parameter memory: keeps records that are found, for further data IDs in the same transaction.
    public func expand(_ dataID: DataCoordinate, remembering memory: RecordMemory? = nil) throws -> DataCoordinate {
        if dataID.isExpanded { return dataID }
        let (values, records) = try lookUp(dataID, elements: dataID.group.lookupOrder, memory)
        let group = dataID.group
        return DataCoordinate(
            group: group, values: try group.keys.map { try require(values, $0, in: dataID) },
            records: group.elements.map { records[$0.position] ?? nil })
    }

    /// The data ID with the values of implied dimensions, looked up where they are not given. Given values are taken
    /// as they are.
    public func fill(_ dataID: DataCoordinate) throws -> DataCoordinate {
        if dataID.isFull { return dataID }
        let group = dataID.group
        let implying = group.lookupOrder.filter { $0.isDimension && !$0.implied.isEmpty }
        let (values, _) = try lookUp(dataID, elements: implying)
        return DataCoordinate(group: group, values: try group.keys.map { try require(values, $0, in: dataID) })
    }

    private func require(_ values: [Int: DataIDValue], _ position: Int, in dataID: DataCoordinate) throws -> DataIDValue
    {
        guard let value = values[position] else {
            throw ButlerError(
                .dataIDValue, "No value for dimension '\(universe.elements[position].name)' follows from \(dataID).")
        }
        return value
    }

    private func lookUp(
        _ dataID: DataCoordinate, elements: [DimensionElement], _ memory: RecordMemory? = nil
    ) throws -> (values: [Int: DataIDValue], records: [Int: DimensionRecord?]) {
        var values = Dictionary(uniqueKeysWithValues: zip(dataID.group.keys, dataID.values))
        var records: [Int: DimensionRecord?] = [:]
        for element in elements {
            let key = element.required.compactMap { values[$0] }
            guard key.count == element.required.count else { continue }
            guard let record = try memory?.record(of: element, key, self) ?? record(of: element, key) else {
                if element.isDimension {
                    throw ButlerError(
                        .dataIDValue,
                        "Could not fetch record for dimension '\(element.name)' via keys "
                            + "\(describe(element, key)); insert it, or correct the data ID.")
                }
                if element.definesRelationships {
                    throw ButlerError(
                        .inconsistentDataID,
                        "Could not fetch record for element '\(element.name)' via keys \(describe(element, key)): "
                            + "these values are not related.")
                }
                records[element.position] = .some(nil)
                continue
            }
            for (index, position) in element.implied.enumerated() {
                guard let implied = record.values[element.required.count + index].dataIDValue else { continue }
                if let given = values[position], given != implied {
                    throw ButlerError(
                        .inconsistentDataID,
                        "Data ID \(dataID) has \(universe.elements[position].name)=\(given.quotedDescription), but the "
                            + "record of '\(element.name)' implies \(implied.quotedDescription).")
                }
                values[position] = implied
            }
            records[element.position] = record
        }
        return (values, records)
    }

    private func describe(_ element: DimensionElement, _ values: [DataIDValue]) -> String {
        "{"
            + zip(element.required, values)
            .map { "\(universe.elements[$0].name): \($1.quotedDescription)" }.joined(separator: ", ") + "}"
    }

    /// The data ID that a loose mapping names, with all records.
    /// - Throws: `ButlerError` of kind `dimensionName` for names that are no dimensions.
    public func expand(_ loose: [String: DataIDValue]) throws -> DataCoordinate {
        try expand(try DataCoordinate.standardize(loose, group: nil, universe: universe))
    }
}

/// Dimension records that were looked up, for many data IDs that share them. Used in one transaction, by one thread.
///
/// Memory: at most 50,000 records; all are dropped when there are more.
public final class RecordMemory {
    private var held: [Int: [[DataIDValue]: DimensionRecord]] = [:]
    private var count = 0

    public init() {}

    func record(
        of element: DimensionElement, _ key: [DataIDValue], _ snapshot: RegistrySnapshot
    ) throws -> DimensionRecord? {
        if let known = held[element.position]?[key] { return known }
        guard let found = try snapshot.record(of: element, key) else { return nil }
        if count >= 50_000 {
            held = [:]
            count = 0
        }
        count += 1
        held[element.position, default: [:]][key] = found
        return found
    }
}
