import AstroTime
import ButlerModel
import QueryModel
import SkyGeometry
import Testing

/// Which types operators take: query system reference, section 1.6.
@Suite struct ComparisonTypeTests {
    /// A column of each type.
    private func columns() throws -> [ValueType: ColumnExpression] {
        func dataset(_ field: DatasetField) -> ColumnExpression {
            .column(.datasetField(datasetType: "flat", field))
        }
        return [
            .int: try key("visit"), .string: try key("instrument"), .float: try field("visit", "exposure_time"),
            .bool: try field("exposure", "can_see_sky"), .hash: try field("skymap", "hash"),
            .uuid: dataset(.datasetID), .region: try field("visit", "region"),
            .timespan: try field("visit", "timespan"),
            .datetime: try .bound(.begin, of: try field("visit", "timespan")), .ingestDate: dataset(.ingestDate),
        ]
    }

    private static let numbers: Set<Set<ValueType>> = [[.int], [.float], [.int, .float]]
    private static let times: Set<Set<ValueType>> = [[.datetime], [.datetime, .ingestDate]]

    /// The pairs of types that an operator takes, in either order.
    private func allowed(_ operation: ComparisonOperator) -> Set<Set<ValueType>> {
        switch operation {
        case .equal, .notEqual:
            Self.numbers.union(Self.times).union([[.string], [.hash], [.uuid], [.region], [.ingestDate]])
        case .less, .greater, .lessOrEqual, .greaterOrEqual: Self.numbers.union(Self.times).union([[.string]])
        case .overlaps: [[.region], [.timespan], [.timespan, .datetime], [.timespan, .ingestDate]]
        case .glob: []
        }
    }

    @Test(arguments: ComparisonOperator.allCases)
    func operatorsTakeThePairsOfTheTable(operation: ComparisonOperator) throws {
        let columns = try columns()
        #expect(columns.count == 10)
        let allowed = allowed(operation)
        for (left, a) in columns {
            for (right, b) in columns {
                if allowed.contains([left, right]) {
                    let leaf = try PredicateLeaf.comparing(a, operation, b)
                    #expect(leaf == .comparison(a, operation, b))
                } else {
                    expectError(.invalidQuery, "", "\(a) \(operation.rawValue) \(b)") {
                        _ = try PredicateLeaf.comparing(a, operation, b)
                    }
                }
            }
        }
    }

    @Test func globTakesATextAndALiteralPattern() throws {
        let name = try key("instrument")
        let leaf = try PredicateLeaf.comparing(name, .glob, .literal(.string("H*")))
        #expect(leaf.description == "GLOB(instrument, 'H*')")
        expectError(.invalidQuery, "must be a string literal") { _ = try PredicateLeaf.comparing(name, .glob, name) }
        expectError(.invalidQuery) { _ = try PredicateLeaf.comparing(try key("visit"), .glob, .literal(.string("1"))) }
    }

    @Test func equalTimespansAreRefusedWithAHint() throws {
        let span = try field("visit", "timespan")
        for operation in [ComparisonOperator.equal, .notEqual] {
            expectError(.invalidQuery, "use OVERLAPS, or compare their .begin and .end") {
                _ = try PredicateLeaf.comparing(span, operation, .literal(.timespan(.unbounded)))
            }
        }
    }

    @Test func anOverlapOfRegionsNeedsAColumn() throws {
        let region = ColumnExpression.literal(.region(EncodedRegion(.circle(Circle(UnitVector.X)))))
        #expect(throws: Never.self) { try PredicateLeaf.comparing(region, .overlaps, try field("visit", "region")) }
        expectError(.invalidQuery, "on at least one side") {
            _ = try PredicateLeaf.comparing(region, .overlaps, region)
        }
    }

    @Test func containersHoldExactlyTheTypeOfTheirMember() throws {
        let visit = try key("visit")
        for values: [ColumnExpression] in [[], [.literal(.int(1))], [.literal(.int(1)), try key("detector")]] {
            #expect(try PredicateLeaf.container(visit, values) == .inContainer(visit, values))
        }
        expectError(.invalidQuery, "is of type float, but 'visit' is of type int") {
            _ = try PredicateLeaf.container(visit, [.literal(.int(1)), .literal(.float(1))])
        }
        for stranger in [try field("visit", "region"), try field("visit", "timespan")] {
            expectError(.invalidQuery, "IN does not apply") { _ = try PredicateLeaf.container(stranger, []) }
        }
    }

    @Test func rangesAreOfWholeNumbersGoUpwardsAndHaveAStep() throws {
        let visit = try key("visit")
        let good: [(start: Int64, stop: Int64?, step: Int64)] = [
            (0, nil, 1), (3, 3, 1), (-5, 5, 2), (.min, .max, .max), (.min, .min, 1), (.max, .max, 1),
        ]
        for (start, stop, step) in good {
            let leaf = try PredicateLeaf.range(visit, start: start, stop: stop, step: step)
            #expect(leaf == .inRange(visit, start: start, stop: stop, step: step))
            #expect(leaf.description.hasPrefix(start == stop ? "visit IN ()" : "visit IN (\(start).."))
        }
        expectError(.invalidQuery, "only whole numbers") {
            _ = try PredicateLeaf.range(try key("instrument"), start: 0, stop: 1, step: 1)
        }
        for step: Int64 in [0, -1, .min] {
            expectError(.invalidQuery, "The step of a range") {
                _ = try PredicateLeaf.range(visit, start: 0, stop: 1, step: step)
            }
        }
        expectError(.invalidQuery, "must not end (0) before it starts (1)") {
            _ = try PredicateLeaf.range(visit, start: 1, stop: 0, step: 1)
        }
    }

    @Test func onlyBooleanColumnsAreConditionsByThemselves() throws {
        for (type, expression) in try columns() {
            guard case .column(let column) = expression else { continue }
            if type == .bool {
                #expect(try PredicateLeaf.truth(of: column) == .isTrue(column))
            } else {
                expectError(.invalidQuery, "compare it with something") { _ = try PredicateLeaf.truth(of: column) }
            }
        }
    }

    @Test func theColumnOfAnInnerQueryHasTheMembersTypeAndIsInThatQuery() throws {
        let tree = try QueryTree(dimensions: try universe().group(["visit"]))
        guard case .column(let visit) = try key("visit"), case .column(let detector) = try key("detector") else {
            return
        }
        #expect(throws: Never.self) { try PredicateLeaf.query(try key("detector"), column: visit, tree) }
        expectError(.invalidQuery, "needs dimensions that are not among") {
            _ = try PredicateLeaf.query(try key("detector"), column: detector, tree)
        }
        expectError(.invalidQuery, "Cannot look for") {
            _ = try PredicateLeaf.query(try key("instrument"), column: visit, tree)
        }
        expectError(.invalidQuery, "have not been joined") {
            _ = try PredicateLeaf.query(
                try key("instrument"), column: .datasetField(datasetType: "flat", .run), tree)
        }
    }
}
