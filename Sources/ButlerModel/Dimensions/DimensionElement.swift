/// A dimension, or a join element that relates dimensions without adding a key (`visit_definition`).
///
/// Elements belong to one ``DimensionUniverse``, which numbers them in canonical order; sets of elements are bit
/// masks over those numbers.
public final class DimensionElement: Sendable {
    /// A level of a sky pixelization that is a dimension, such as `htm7`.
    public struct Skypix: Hashable, Sendable {
        public let system: String
        /// Upstream's class name of the pixelization, such as `lsst.sphgeom.HtmPixelization`.
        public let className: String
        public let level: Int
    }

    public let name: String
    /// The canonical position in the universe.
    public let position: Int
    public let documentation: String
    /// The positions of the dimensions that identify a record, in canonical order; a dimension is its own last.
    public let required: [Int]
    /// The positions of the dimensions that a record implies directly.
    public let implied: [Int]
    public let requiredSet: DimensionSet
    public let impliedSet: DimensionSet
    /// Key column; `nil` for join elements.
    public let primaryKey: KeyColumn?
    public let alternateKeys: [KeyColumn]
    public let metadata: [KeyColumn]
    public let isGovernor: Bool
    public let isCached: Bool
    /// Whether the element has to be joined wherever its dimensions meet.
    public let alwaysJoin: Bool
    /// The dimension with whose records this join element's records travel.
    public let populatedBy: String?
    /// For dimensions without a table: the element whose column lists the values (`band` of `physical_filter`).
    public let impliedUnionTarget: String?
    public let skypix: Skypix?
    public let spatialFamily: String?
    public let temporalFamily: String?
    /// The columns of a record in table order: required, implied, alternate keys, metadata, region, timespan.
    public let columns: [ElementColumn]

    private let columnIndices: [String: Int]

    init(
        definition: DimensionConfiguration.Element, position: Int, required: [Int], implied: [Int],
        skypix: Skypix?, spatialFamily: String?, temporalFamily: String?, keyColumns: [ElementColumn]
    ) {
        name = definition.name
        self.position = position
        documentation = definition.documentation
        self.required = required
        self.implied = implied
        requiredSet = DimensionSet(required)
        impliedSet = DimensionSet(implied)
        primaryKey = definition.keys.first
        alternateKeys = Array(definition.keys.dropFirst())
        metadata = definition.metadata
        isGovernor = definition.isGovernor
        isCached = definition.isCached
        alwaysJoin = definition.alwaysJoin
        populatedBy = definition.populatedBy
        impliedUnionTarget = definition.impliedUnionTarget
        self.skypix = skypix
        self.spatialFamily = spatialFamily
        self.temporalFamily = temporalFamily

        var columns = keyColumns
        for key in alternateKeys {
            columns.append(
                ElementColumn(
                    name: key.name, role: .alternateKey, type: key.type, isNullable: false,
                    documentation: key.documentation))
        }
        for column in metadata {
            columns.append(
                ElementColumn(
                    name: column.name, role: .metadata, type: column.type, isNullable: column.isNullable,
                    documentation: column.documentation))
        }
        if spatialFamily != nil {
            columns.append(
                ElementColumn(name: "region", role: .region, type: .region, isNullable: true, documentation: ""))
        }
        if temporalFamily != nil {
            columns.append(
                ElementColumn(name: "timespan", role: .timespan, type: .timespan, isNullable: true, documentation: ""))
        }
        self.columns = columns
        columnIndices = Dictionary(
            columns.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether this element adds a key, rather than joining others.
    public var isDimension: Bool { primaryKey != nil }
    public var isSpatial: Bool { spatialFamily != nil }
    public var isTemporal: Bool { temporalFamily != nil }
    /// Whether records live in a table of the element's name.
    public var hasOwnTable: Bool { skypix == nil && impliedUnionTarget == nil }
    /// Whether a missing record means that data ID values contradict each other.
    public var definesRelationships: Bool { alwaysJoin || !implied.isEmpty }

    /// The index in ``columns`` of the column with this name. A dimension's key answers to the dimension's name too.
    public func columnIndex(_ columnName: String) -> Int? {
        if let index = columnIndices[columnName] { return index }
        return isDimension && columnName == name ? required.count - 1 : nil
    }

    public var regionColumn: Int? { isSpatial ? columnIndices["region"] : nil }
    public var timespanColumn: Int? { isTemporal ? columnIndices["timespan"] : nil }
}

extension DimensionElement: Hashable, CustomStringConvertible {
    public static func == (a: DimensionElement, b: DimensionElement) -> Bool { a === b }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
    public var description: String { name }

    /// Whether records of the one fit the other, as with the same element of another reading of the universe.
    public func isAlike(_ other: DimensionElement) -> Bool {
        name == other.name && columns.count == other.columns.count
            && zip(columns, other.columns).allSatisfy { $0.name == $1.name && $0.type == $1.type }
    }
}

/// A key or metadata column as a dimension configuration defines it.
public struct KeyColumn: Hashable, Sendable {
    public let name: String
    public let type: ElementColumnType
    public let isNullable: Bool
    public let documentation: String
}
