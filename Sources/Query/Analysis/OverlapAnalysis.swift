import ButlerModel
import QueryModel
import SkyGeometry

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Takes spatial overlaps out of a predicate, where they become joins and exact filters, and adds the joins in space
/// and time that the dimensions of a query call for. Source: query system reference, sections 3.5 and 3.6.
struct OverlapAnalysis {
    private let dimensions: DimensionGroup
    private var spatial: ConnectedFamilies
    private var temporal: ConnectedFamilies
    private let constraints: [Int: DataIDValue]
    private let allowsDuplicates: Bool

    /// The predicate without spatial overlaps, with temporal joins.
    private(set) var predicate = Predicate.alwaysTrue
    private(set) var operands: [SpatialOverlap] = []
    private(set) var filters: [RegionFilter] = []
    private var joinedOverlapTables = DimensionSet()

    /// - Parameters:
    ///   - calibrations: the dataset types searched for in CALIBRATION collections.
    ///   - constraints: values that all rows have, by position.
    /// - Throws: `ButlerError` of kind `invalidQuery` for joins that are needless or ambiguous, `unimplementedQuery` for
    ///   overlaps inside OR or NOT and for combinations without a common pixelization.
    init(
        _ predicate: Predicate, of tree: QueryTree, calibrations: [String], constraints: [Int: DataIDValue],
        allowsDuplicates: Bool
    ) throws {
        dimensions = tree.dimensions
        self.constraints = constraints
        self.allowsDuplicates = allowsDuplicates
        spatial = ConnectedFamilies(tree.dimensions.spatialElements.compactMap(\.spatialFamily))
        temporal = ConnectedFamilies(
            calibrations.map(Self.family) + tree.dimensions.temporalElements.compactMap(\.temporalFamily))
        var parts: [Predicate] = []
        for group in predicate.groups {
            parts.append(try separated(group))
            try JoinSQL.check(operandCount: operands.count)
            try Task.checkCancellation()
        }
        self.predicate = .all(parts)
        for operand in tree.operandDimensions { connectEmbedded(operand) }
        try joinAutomatically()
    }

    /// The temporal family of a calibration search, apart from those of dimensions.
    private static func family(calibration name: String) -> String { "calibration " + name }

    // MARK: Explicit overlaps

    /// The condition that is left of a group without its spatial overlaps.
    private mutating func separated(_ group: [PredicateLeaf]) throws -> Predicate {
        var replacement = Predicate(groups: [group])
        for leaf in group {
            var positive = leaf
            if case .not(let operand) = leaf { positive = operand }
            guard case .comparison(let a, .overlaps, let b) = positive else { continue }
            if a.type == .region {
                let isNested = group.count > 1 || positive != leaf
                replacement = try overlap(a, b, isNested: isNested)
            } else if a.type == .timespan, b.type == .timespan {
                try connect(a, b)
            }
        }
        return replacement
    }

    /// The condition that is left of a spatial overlap.
    private mutating func overlap(_ a: ColumnExpression, _ b: ColumnExpression, isNested: Bool) throws -> Predicate {
        switch (a, b) {
        case (.column(.dimensionField(let left, _)), .column(.dimensionField(let right, _))):
            if isNested {
                throw ButlerError(
                    .unimplementedQuery, "Spatial overlap joins nested inside OR or NOT are not supported.")
            }
            try join(left, right)
            return .alwaysTrue
        case (.column(.dimensionField(let element, _)), .literal(.region(let region))),
            (.literal(.region(let region)), .column(.dimensionField(let element, _))):
            if isNested {
                throw ButlerError(
                    .unimplementedQuery, "Spatial overlap constraints nested inside OR or NOT are not supported.")
            }
            return try constrain(element, to: try region.decoded())
        default:
            throw ButlerError(
                .invalidQuery,
                "OVERLAPS between regions takes the region of a dimension and another one, or a region literal; got "
                    + "\(a) and \(b).")
        }
    }

    private mutating func constrain(_ element: DimensionElement, to region: Region) throws -> Predicate {
        let common = dimensions.universe.commonSkypix
        var pixels = element
        if element.skypix == nil {
            filters.append(.within(element, region))
            guard dimensions.members.contains(common.position) else {
                operands.append(
                    .pixelsOfConstraint(
                        element, try Self.envelope(region, of: common), known: known(of: element),
                        isDistinct: !allowsDuplicates))
                return .alwaysTrue
            }
            joinOverlapTable(of: element)
            pixels = common
        }
        let key = ColumnExpression.column(.dimensionKey(pixels))
        var ranges: [PredicateLeaf] = []
        for range in try Self.envelope(region, of: pixels) {
            ranges.append(
                try .range(key, start: Int64(range.lowerBound), stop: Int64(clamping: range.upperBound), step: 1))
        }
        return Predicate(groups: [ranges])
    }

    /// The most vertices of a region in a condition. To cover it with pixels takes time in proportion, about 0.1 ms for
    /// each vertex of a polygon that crosses itself again and again.
    private static let mostVertices = 6000

    /// - Throws: `ButlerError` of kind `invalidQuery` when the region's border touches more pixels than a condition may
    ///   have terms, and for regions that the pixelization does not know how to cover.
    private static func envelope(_ region: Region, of element: DimensionElement) throws -> RangeSet {
        guard let skypix = element.skypix else { return RangeSet() }
        let border = 2 * Double.pi * sin(min(region.boundingCircle.openingAngle.radians, .pi / 2))
        let pixelCount = 8 * pow(4, Double(skypix.level))
        guard border / (4 * Double.pi / pixelCount).squareRoot() <= Double(Predicate.maximumLeafCount) else {
            throw ButlerError(
                .invalidQuery,
                "The given region is too large for pixels as small as those of '\(element)'; use a lower level.")
        }
        guard region.vertexCount <= Self.mostVertices else {
            throw ButlerError(
                .invalidQuery,
                "The given region has \(region.vertexCount) vertices; a query takes at most \(Self.mostVertices). Use one with "
                    + "fewer.")
        }
        do {
            return try PixelizationKind(className: skypix.className).pixelization(level: skypix.level)
                .envelope(of: region)
        } catch {
            throw ButlerError(.invalidQuery, "The given region cannot be covered with pixels of '\(element)': \(error)")
        }
    }

    private mutating func join(_ a: DimensionElement, _ b: DimensionElement) throws(ButlerError) {
        guard let left = a.spatialFamily, let right = b.spatialFamily, left != right else {
            throw ButlerError(.invalidQuery, "Spatial join between \(a) and \(b) is not necessary.")
        }
        spatial.merge(left, right)
        let common = dimensions.universe.commonSkypix
        switch (a.skypix == nil, b.skypix == nil) {
        case (false, true) where a == common: joinOverlapTable(of: b)
        case (true, false) where b == common: joinOverlapTable(of: a)
        case (true, true):
            if dimensions.members.contains(common.position) {
                joinOverlapTable(of: a)
                joinOverlapTable(of: b)
            } else {
                operands.append(
                    .commonPixels(
                        a, b, known: known(of: a).merging(known(of: b)) { first, _ in first },
                        isDistinct: !allowsDuplicates))
            }
            filters.append(.overlap(a, b))
        default:
            throw ButlerError(
                .unimplementedQuery,
                "Unsupported combination for spatial join: (\(a), \(b)); only \(common) has stored overlaps.")
        }
    }

    /// Joins the pixels of an element as values of the common skypix dimension.
    private mutating func joinOverlapTable(of element: DimensionElement) {
        guard !joinedOverlapTables.contains(element.position) else { return }
        joinedOverlapTables.insert(element.position)
        operands.append(.pixels(element, known: known(of: element)))
    }

    private func known(of element: DimensionElement) -> [Int: DataIDValue] {
        constraints.filter { element.requiredSet.contains($0.key) }
    }

    private mutating func connect(_ a: ColumnExpression, _ b: ColumnExpression) throws(ButlerError) {
        switch (a, b) {
        case (.column(.dimensionField(let left, _)), .column(.dimensionField(let right, _))):
            guard let first = left.temporalFamily, let second = right.temporalFamily, first != second else {
                throw ButlerError(.invalidQuery, "Temporal join between \(left) and \(right) is not necessary.")
            }
            temporal.merge(first, second)
        case (.column(.datasetField(let name, _)), .column(.dimensionField(let element, _))),
            (.column(.dimensionField(let element, _)), .column(.datasetField(let name, _))):
            if let family = element.temporalFamily { temporal.merge(Self.family(calibration: name), family) }
        case (.column(.datasetField(let left, _)), .column(.datasetField(let right, _))):
            temporal.merge(Self.family(calibration: left), Self.family(calibration: right))
        default: return
        }
    }

    // MARK: Joins that follow from the dimensions

    /// Rows of a table or of data IDs are related in themselves, so nothing need relate them again.
    private mutating func connectEmbedded(_ operand: DimensionGroup) {
        let elements = DimensionSet(operand.elements.map(\.position))
        let inSpace = dimensions.spatialElements.filter { elements.contains($0.position) }.compactMap(\.spatialFamily)
        for family in inSpace.dropFirst() { spatial.merge(inSpace[0], family) }
        let inTime = dimensions.temporalElements.filter { elements.contains($0.position) }.compactMap(\.temporalFamily)
        for family in inTime.dropFirst() { temporal.merge(inTime[0], family) }
    }

    private mutating func joinAutomatically() throws {
        if let (a, b) = try spatial.missingJoin(kind: "spatial"),
            let left = dimensions.spatialElements.first(where: { $0.spatialFamily == a }),
            let right = dimensions.spatialElements.first(where: { $0.spatialFamily == b })
        {
            try join(left, right)
        }
        if let (a, b) = try temporal.missingJoin(kind: "temporal") {
            guard let left = timespan(ofFamily: a), let right = timespan(ofFamily: b) else { return }
            predicate = predicate.and(Predicate(try .comparing(left, .overlaps, right)))
        }
    }

    private func timespan(ofFamily family: String) -> ColumnExpression? {
        if let element = dimensions.temporalElements.first(where: { $0.temporalFamily == family }),
            let column = element.timespanColumn
        {
            return .column(.dimensionField(element, column: column))
        }
        let prefix = Self.family(calibration: "")
        guard family.hasPrefix(prefix) else { return nil }
        return .column(.datasetField(datasetType: String(family.dropFirst(prefix.count)), .timespan))
    }
}

/// Families of regions or timespans, in sets that joins have connected.
struct ConnectedFamilies {
    private var sets: [[String]]

    init(_ families: [String]) { sets = families.map { [$0] } }

    /// Families that are not part of the query are left alone.
    mutating func merge(_ a: String, _ b: String) {
        guard let first = sets.firstIndex(where: { $0.contains(a) }),
            let second = sets.firstIndex(where: { $0.contains(b) }), first != second
        else { return }
        sets[first] += sets[second]
        sets.remove(at: second)
    }

    /// The two families that a join has to connect; `nil` when all are connected.
    /// - Throws: `ButlerError` of kind `invalidQuery` when there is more than one way to connect them.
    func missingJoin(kind: String) throws(ButlerError) -> (String, String)? {
        switch sets.count {
        case 0, 1: return nil
        case 2:
            guard sets[0].count == 1, sets[1].count == 1 else {
                throw ButlerError(
                    .invalidQuery,
                    "A \(kind) join is needed between \(Self.list(sets[0])) and \(Self.list(sets[1])), but which join to "
                        + "add is ambiguous.  Add an explicit spatial or temporal join to avoid this error.")
            }
            return (sets[0][0], sets[1][0])
        default:
            throw ButlerError(
                .invalidQuery,
                "Too many disconnected sets of \(kind) families for an automatic join: "
                    + "[\(sets.map(Self.list).joined(separator: ", "))].  Add explicit \(kind) joins to avoid this error.")
        }
    }

    private static func list(_ set: [String]) -> String { "{" + set.joined(separator: ", ") + "}" }
}

extension Region {
    /// Of all polygons in it.
    fileprivate var vertexCount: Int {
        switch self {
        case .circle, .box, .ellipse: 0
        case .polygon(let polygon): polygon.vertices.count
        case .union(let union): union.operands.reduce(0) { $0 + $1.vertexCount }
        case .intersection(let intersection): intersection.operands.reduce(0) { $0 + $1.vertexCount }
        }
    }
}
