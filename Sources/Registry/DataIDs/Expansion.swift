import ButlerModel

/// Completes data IDs with what the repository knows: implied values and records.
/// Source: repository format reference, section 3.6.
extension RegistrySnapshot {
    /// The data ID with a record for every element of its group.
    ///
    /// Elements that only join dimensions may have no record, unless they define relationships.
    /// - Throws: `ButlerError` of kind `dataIDValue` when a dimension has no record for its value, of kind
    ///   `inconsistentDataID` when values contradict each other.
    /// - Parameters:
    ///   - memory: keeps records that are found, for further data IDs in the same transaction.
    ///   - trusts: whether values stand for themselves of a dimension without a table, whose values are those that another
    ///     one's records imply, such as bands. Datasets that were made elsewhere come without these records.
    public func expand(
        _ dataID: DataCoordinate, remembering memory: RecordMemory? = nil, trustingImplied trusts: Bool = false
    ) throws -> DataCoordinate {
        if dataID.isExpanded { return dataID }
        let group = dataID.group
        let (values, records) = try lookUp(dataID, elements: group.lookupOrder, memory, trusts)
        return DataCoordinate(group: group, values: try full(values, of: dataID), records: records)
    }

    /// The data ID with the values of implied dimensions, looked up where they are not given. Given values are taken
    /// as they are.
    public func fill(_ dataID: DataCoordinate) throws -> DataCoordinate {
        if dataID.isFull { return dataID }
        let group = dataID.group
        let implying = group.lookupOrder.filter { $0.isDimension && !$0.implied.isEmpty }
        let (values, _) = try lookUp(dataID, elements: implying)
        return DataCoordinate(group: group, values: try full(values, of: dataID))
    }

    private func full(_ values: [DataIDValue?], of dataID: DataCoordinate) throws -> [DataIDValue] {
        try zip(dataID.group.keys, values).map { position, value in
            guard let value else {
                throw ButlerError(
                    .dataIDValue, "No value for dimension '\(universe.elements[position].name)' follows from \(dataID).")
            }
            return value
        }
    }

    /// The values of a data ID, by the slots of its group, and records, by the elements of the group.
    private func lookUp(
        _ dataID: DataCoordinate, elements: [DimensionElement], _ memory: RecordMemory? = nil, _ trusts: Bool = false
    ) throws -> (values: [DataIDValue?], records: [DimensionRecord?]) {
        let group = dataID.group
        var values: [DataIDValue?] = dataID.values
        values += Array(repeating: nil, count: group.keys.count - values.count)
        var records: [DimensionRecord?] = Array(repeating: nil, count: group.elements.count)
        for element in elements {
            if let record = memory?.latest(of: element, values, group) {
                try take(record, of: element, for: dataID, &values)
                if let index = group.index(of: element) { records[index] = record }
                continue
            }
            let key = element.required.compactMap { position in group.slot(of: position).flatMap { values[$0] } }
            guard key.count == element.required.count else { continue }
            let stored = try memory?.record(of: element, key, self) ?? record(of: element, key)
            guard let record = stored ?? (trusts ? Self.record(standingForItself: key, of: element) : nil) else {
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
                continue
            }
            try take(record, of: element, for: dataID, &values)
            if let index = group.index(of: element) { records[index] = record }
        }
        return (values, records)
    }

    /// `nil` for elements whose records say more than their key.
    private static func record(standingForItself key: [DataIDValue], of element: DimensionElement) -> DimensionRecord? {
        guard element.impliedUnionTarget != nil, element.columns.count == key.count else { return nil }
        return DimensionRecord(element: element, values: key.map { ColumnValue($0) })
    }

    /// Takes over the values that a record implies.
    private func take(
        _ record: DimensionRecord, of element: DimensionElement, for dataID: DataCoordinate, _ values: inout [DataIDValue?]
    ) throws {
        for (index, position) in element.implied.enumerated() {
            guard let slot = dataID.group.slot(of: position),
                let implied = record.values[element.required.count + index].dataIDValue
            else { continue }
            if let given = values[slot], given != implied {
                throw ButlerError(
                    .inconsistentDataID,
                    "Data ID \(dataID) has \(universe.elements[position].name)=\(given.quotedDescription), but the "
                        + "record of '\(element.name)' implies \(implied.quotedDescription).")
            }
            values[slot] = implied
        }
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
    /// The last of each element, by its position: data IDs that follow one another share most.
    private var latest: [Latest?] = []

    private final class Latest {
        let key: [DataIDValue]
        let record: DimensionRecord

        init(_ key: [DataIDValue], _ record: DimensionRecord) {
            self.key = key
            self.record = record
        }
    }

    public init() {}

    /// The record of an element that was asked for last, if it is the one for these values of a data ID.
    func latest(of element: DimensionElement, _ values: [DataIDValue?], _ group: DimensionGroup) -> DimensionRecord? {
        guard element.position < latest.count, let last = latest[element.position] else { return nil }
        for (index, position) in element.required.enumerated() {
            guard let slot = group.slot(of: position), let value = values[slot], value == last.key[index] else { return nil }
        }
        return last.record
    }

    func record(
        of element: DimensionElement, _ key: [DataIDValue], _ snapshot: RegistrySnapshot
    ) throws -> DimensionRecord? {
        while latest.count <= element.position { latest.append(nil) }
        if let known = held[element.position]?[key] {
            latest[element.position] = Latest(key, known)
            return known
        }
        guard let found = try snapshot.record(of: element, key) else { return nil }
        if count >= 50_000 {
            held = [:]
            count = 0
        }
        count += 1
        held[element.position, default: [:]][key] = found
        latest[element.position] = Latest(key, found)
        return found
    }
}
