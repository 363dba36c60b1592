import AstroTime
import SkyGeometry

/// A data ID: a group of dimensions and a value for each of its required dimensions, possibly for the implied ones
/// too, possibly with the record of every element.
///
/// Equality, hashing and order look at the group and the required values only.
public struct DataCoordinate: Sendable {
    public let group: DimensionGroup
    /// Values in the order of ``DimensionGroup/keys``: the required ones, then, if ``isFull``, the implied ones.
    public let values: [DataIDValue]
    /// One entry per element of the group, aligned with ``DimensionGroup/elements``; `nil` when not expanded.
    public let records: [DimensionRecord?]?

    /// - Precondition: `values` has one value for each required dimension, or one for each dimension, and `records`,
    ///   if given, one entry for each element of the group.
    public init(group: DimensionGroup, values: [DataIDValue], records: [DimensionRecord?]? = nil) {
        precondition(values.count == group.required.count || values.count == group.keys.count)
        precondition(records == nil || records?.count == group.layout.elements.count)
        self.group = group
        self.values = values
        self.records = records
    }

    public static func empty(in universe: DimensionUniverse) -> DataCoordinate {
        DataCoordinate(group: universe.emptyGroup, values: [], records: [])
    }

    /// Whether the values of implied dimensions are known.
    public var isFull: Bool { values.count == group.keys.count }
    public var isExpanded: Bool { records != nil }
    public var requiredValues: ArraySlice<DataIDValue> { values.prefix(group.required.count) }

    /// The value of a dimension; `nil` when it is no member, or an implied one that is not known.
    public subscript(name: String) -> DataIDValue? {
        // A group has few, and most names are short: to compare them costs less than to hash one.
        guard let slot = group.layout.keyNames.firstIndex(of: name), slot < values.count else { return nil }
        return values[slot]
    }

    public subscript(position: Int) -> DataIDValue? {
        guard let slot = group.slot(of: position), slot < values.count else { return nil }
        return values[slot]
    }

    /// Known names and values, in the order of ``DimensionGroup/keys``.
    public var pairs: [(name: String, value: DataIDValue)] {
        zip(group.keys, values).map { (group.universe.elements[$0].name, $1) }
    }

    /// The record of an element; `nil` when not expanded or when there is no such record.
    public func record(of element: DimensionElement) -> DimensionRecord? {
        guard let records, let index = group.index(of: element) else { return nil }
        return records[index]
    }

    /// This data ID reduced to a smaller group; `nil` when values that the smaller group requires are not known.
    public func subset(_ smaller: DimensionGroup) -> DataCoordinate? {
        var picked: [DataIDValue] = []
        for (index, position) in smaller.keys.enumerated() {
            guard let value = self[position] else {
                if index < smaller.required.count { return nil }
                picked.removeLast(picked.count - smaller.required.count)
                break
            }
            picked.append(value)
        }
        let kept = records.map { _ in smaller.elements.map { record(of: $0) } }
        return DataCoordinate(group: smaller, values: picked, records: kept)
    }

    // MARK: Space and time

    /// The intersection of the timespans of the group's temporal elements; `nil` when one of them is unknown or the
    /// group has no time.
    public var timespan: Timespan? {
        var common: Timespan?
        for element in group.temporalElements {
            guard let index = element.timespanColumn, case .timespan(let span)? = record(of: element)?.values[index]
            else { return nil }
            common = common?.intersection(span) ?? span
        }
        return common
    }

    /// The encoded regions of the group's spatial elements, whose intersection is this data ID's place on the sky;
    /// `nil` when one of them is unknown or the group has no place.
    public var regions: [EncodedRegion]? {
        var found: [EncodedRegion] = []
        for element in group.spatialElements {
            guard let index = element.regionColumn, case .region(let region)? = record(of: element)?.values[index]
            else { return nil }
            found.append(region)
        }
        return found.isEmpty ? nil : found
    }
}

extension DataCoordinate: Hashable, Comparable, CustomStringConvertible {
    public static func == (a: DataCoordinate, b: DataCoordinate) -> Bool {
        a.group == b.group && a.requiredValues == b.requiredValues
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(group)
        for value in requiredValues { hasher.combine(value) }
    }

    public static func < (a: DataCoordinate, b: DataCoordinate) -> Bool {
        a.requiredValues.lexicographicallyPrecedes(b.requiredValues)
    }

    /// The data ID as Python prints it: `{instrument: 'HSC', detector: 50}`.
    public var description: String {
        "{" + pairs.map { "\($0.name): \($0.value.quotedDescription)" }.joined(separator: ", ") + "}"
    }
}
