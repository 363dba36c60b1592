import ButlerModel
import StructuredData

// The wire form of predicates. Source: remote Butler protocol reference, section 7.4.

extension Predicate {
    public var wire: StructuredValue {
        .object(["operands": .array(groups.map { group in .array(group.map(\.wire)) })])
    }

    /// - Throws: `ButlerError` of kind `malformedModel` for what is no predicate, of kind `invalidQuery` for operators
    ///   that do not fit their operands.
    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        var groups: [[PredicateLeaf]] = []
        var count = 0
        for group in try reader.required("operands").items() {
            var leaves: [PredicateLeaf] = []
            for leaf in try group.items() {
                leaves.append(try PredicateLeaf(wire: leaf, universe: universe, allowsNot: true))
            }
            count += leaves.count
            groups.append(leaves)
        }
        guard count <= Self.maximumLeafCount else {
            throw ButlerError(
                .invalidQuery, "The condition has \(count) terms; at most \(Self.maximumLeafCount) are accepted.")
        }
        self.init(groups: groups)
    }
}

extension PredicateLeaf {
    public var wire: StructuredValue {
        switch self {
        case .comparison(let a, let operation, let b):
            .object([
                "predicate_type": "comparison", "a": a.wire, "b": b.wire, "operator": .string(operation.rawValue),
            ])
        case .isNull(let operand): .object(["predicate_type": "is_null", "operand": operand.wire])
        case .isTrue(let column): .object(["predicate_type": "boolean_wrapper", "operand": column.wire])
        case .inContainer(let member, let values):
            .object([
                "predicate_type": "in_container", "member": member.wire, "container": .array(values.map(\.wire)),
            ])
        case .inRange(let member, let start, let stop, let step):
            .object([
                "predicate_type": "in_range", "member": member.wire, "start": .int(start),
                "stop": stop.map { .int($0) } ?? .null, "step": .int(step),
            ])
        case .inQuery(let member, let column, let tree):
            .object([
                "predicate_type": "in_query", "member": member.wire, "column": column.wire, "query_tree": tree.wire,
            ])
        case .not(let operand): .object(["predicate_type": "not", "operand": operand.wire])
        }
    }

    init(wire reader: DocumentReader, universe: DimensionUniverse, allowsNot: Bool) throws(ButlerError) {
        func expression(_ key: String) throws(ButlerError) -> ColumnExpression {
            try ColumnExpression(wire: try reader.required(key), universe: universe)
        }
        switch try reader.required("predicate_type").string() {
        case "comparison":
            let name = try reader.required("operator").string()
            guard let operation = ComparisonOperator(rawValue: name) else {
                throw reader.failure("has the unknown operator '\(name)'")
            }
            self = try .comparing(try expression("a"), operation, try expression("b"))
        case "is_null": self = .isNull(try expression("operand"))
        case "boolean_wrapper":
            self = try .truth(of: try ColumnReference(wire: try reader.required("operand"), universe: universe))
        case "in_container":
            var values: [ColumnExpression] = []
            for item in try reader.required("container").items() {
                values.append(try ColumnExpression(wire: item, universe: universe))
            }
            self = try .container(try expression("member"), values)
        case "in_range":
            self = try .range(
                try expression("member"), start: try reader.optional("start")?.int64() ?? 0,
                stop: try reader.optional("stop")?.int64(), step: try reader.optional("step")?.int64() ?? 1)
        case "in_query":
            self = try .query(
                try expression("member"),
                column: try ColumnReference(wire: try reader.required("column"), universe: universe),
                try QueryTree(wire: try reader.required("query_tree"), universe: universe))
        case "not" where allowsNot:
            let operand = try PredicateLeaf(wire: try reader.required("operand"), universe: universe, allowsNot: false)
            self = .not(operand)
        case let type: throw reader.failure("has the unknown predicate type '\(type)'")
        }
    }
}
