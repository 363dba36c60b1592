import ButlerModel
import QueryModel
import StructuredData
import Testing

/// The wire form of conditions: remote Butler protocol reference, section 7.4.
@Suite struct PredicateWireTests {
    static let visit = #"{"expression_type":"dimension_key","dimension":"visit"}"#
    static let five = #"{"expression_type":"int","value":5}"#
    static let tree = #"""
        {"dimensions":["band","instrument","day_obs","physical_filter","visit"],"datasets":{},"any_dataset":null,
         "data_coordinate_uploads":{},"materializations":{},"predicate":{"operands":[]},
         "validateGovernorConstraints":true}
        """#

    /// Every leaf and how messages show it.
    static let leaves: [(json: String, text: String)] = [
        (#"{"predicate_type":"comparison","a":\#(visit),"b":\#(five),"operator":">"}"#, "visit > 5"),
        (#"{"predicate_type":"comparison","a":\#(visit),"b":\#(five),"operator":"=="}"#, "visit = 5"),
        (#"{"predicate_type":"is_null","operand":\#(visit)}"#, "visit = NULL"),
        (#"{"predicate_type":"in_container","member":\#(visit),"container":[\#(five),\#(five)]}"#, "visit IN [5, 5]"),
        (#"{"predicate_type":"in_container","member":\#(visit),"container":[]}"#, "visit IN []"),
        (#"{"predicate_type":"in_range","member":\#(visit),"start":1,"stop":5,"step":2}"#, "visit IN (1..4:2)"),
        (#"{"predicate_type":"in_range","member":\#(visit),"start":-3,"stop":null,"step":1}"#, "visit IN (-3..∞)"),
        (
            #"{"predicate_type":"in_query","member":\#(visit),"column":\#(visit),"query_tree":\#(tree)}"#,
            "visit IN (visit OF TRUE)"
        ),
        (
            #"{"predicate_type":"boolean_wrapper","operand":{"expression_type":"dimension_field","element":"exposure","#
                + #""field":"can_see_sky"}}"#, "exposure.can_see_sky"
        ),
        (
            #"{"predicate_type":"not","operand":{"predicate_type":"is_null","operand":\#(visit)}}"#,
            "NOT visit = NULL"
        ),
    ]

    private func predicate(_ json: String) throws -> Predicate {
        try Predicate(wire: try reader(json), universe: try universe())
    }

    @Test func everyLeafDecodesAndEncodesToTheSame() throws {
        for (json, text) in Self.leaves {
            let document = try StructuredValue(json: #"{"operands":[[\#(json)]]}"#)
            let decoded = try Predicate(wire: reader(document), universe: universe())
            #expect(decoded.description == text)
            #expect(decoded.wire == document, "\(decoded.wire)")
            #expect(try Predicate(wire: reader(decoded.wire), universe: universe()) == decoded)
        }
    }

    @Test func groupsKeepTheirShape() throws {
        let leaf = Self.leaves[0].json
        for shape in ["[]", "[[]]", "[[],[]]", "[[\(leaf),\(leaf)],[\(leaf)]]"] {
            let decoded = try predicate(#"{"operands":\#(shape)}"#)
            #expect(decoded.wire == (try StructuredValue(json: #"{"operands":\#(shape)}"#)))
        }
    }

    @Test func rangesHaveDefaults() throws {
        let short = try predicate(#"{"operands":[[{"predicate_type":"in_range","member":\#(Self.visit)}]]}"#)
        #expect(short == Predicate(try .range(try key("visit"), start: 0, stop: nil, step: 1)))
    }

    @Test func whatIsNoConditionIsAnErrorThatNamesThePlace() {
        let visit = Self.visit
        let null = #"{"predicate_type":"is_null","operand":\#(visit)}"#
        let text = #"{"expression_type":"string","value":"x"}"#
        let wrong: [(leaf: String, kind: ButlerError.Kind, fragment: String)] = [
            ("{}", .malformedModel, "query.operands[0][0] lacks 'predicate_type'"),
            (#"{"predicate_type":"or"}"#, .malformedModel, "unknown predicate type 'or'"),
            (#"{"predicate_type":"comparison","a":\#(visit),"b":\#(visit),"operator":"="}"#, .malformedModel, "'='"),
            (#"{"predicate_type":"comparison","a":\#(visit),"operator":"=="}"#, .malformedModel, "lacks 'b'"),
            (
                #"{"predicate_type":"comparison","a":\#(visit),"b":\#(text),"operator":"=="}"#, .invalidQuery,
                "does not apply to 'visit' (int) and ''x'' (string)"
            ),
            (#"{"predicate_type":"in_container","member":\#(visit),"container":[\#(text)]}"#, .invalidQuery, "IN list"),
            (#"{"predicate_type":"in_container","member":\#(visit),"container":\#(text)}"#, .malformedModel, "a list"),
            (#"{"predicate_type":"in_range","member":\#(visit),"start":0,"step":0}"#, .invalidQuery, "step"),
            (#"{"predicate_type":"in_range","member":\#(visit),"start":4,"stop":3}"#, .invalidQuery, "must not end"),
            (#"{"predicate_type":"in_range","member":\#(text)}"#, .invalidQuery, "only whole numbers"),
            (#"{"predicate_type":"boolean_wrapper","operand":\#(visit)}"#, .invalidQuery, "no condition by itself"),
            (#"{"predicate_type":"boolean_wrapper","operand":\#(Self.five)}"#, .malformedModel, "is no column"),
            (
                #"{"predicate_type":"not","operand":{"predicate_type":"not","operand":\#(null)}}"#, .malformedModel,
                "unknown predicate type 'not'"
            ),
            (
                #"{"predicate_type":"in_query","member":\#(visit),"column":\#(visit),"query_tree":{"dimensions":[]}}"#,
                .invalidQuery, "needs dimensions"
            ),
        ]
        for (leaf, kind, fragment) in wrong {
            expectError(kind, fragment, leaf) { _ = try predicate(#"{"operands":[[\#(leaf)]]}"#) }
        }
        expectError(.malformedModel, "lacks 'operands'") { _ = try predicate("{}") }
        expectError(.malformedModel, "query.operands[0] must be a list") { _ = try predicate(#"{"operands":[1]}"#) }
    }

    // MARK: Size

    @Test func aPredicateMayHave200000LeavesAndNoMore() throws {
        let leaf = try StructuredValue(json: Self.leaves[0].json)
        let most = Predicate.maximumLeafCount
        func document(_ count: Int) -> StructuredValue {
            [
                "operands": .array([
                    .array(Array(repeating: leaf, count: count / 2)),
                    .array(Array(repeating: leaf, count: count - count / 2)),
                ])
            ]
        }
        let decoded = try Predicate(wire: reader(document(most)), universe: universe())
        #expect(decoded.groups.map(\.count) == [most / 2, most / 2])
        #expect(decoded.wire == document(most))
        expectError(.invalidQuery, "has \(most + 1) terms") {
            _ = try Predicate(wire: reader(document(most + 1)), universe: try universe())
        }
    }

    @Test func queriesNestAHundredDeep() throws {
        var tree = try QueryTree(dimensions: try universe().group(["visit"]))
        guard case .column(let visit) = try key("visit") else { return }
        for _ in 0..<100 {
            tree = try QueryTree(
                dimensions: tree.dimensions,
                predicate: Predicate(.not(try .query(try key("visit"), column: visit, tree))))
        }
        let again = try QueryTree(wire: reader(tree.wire), universe: universe())
        #expect(again == tree)
        #expect(again.hashValue == tree.hashValue)
        #expect(again.predicate.description.hasSuffix("TRUE" + String(repeating: ")", count: 100)))
    }

    @Test func expressionsNestAsDeepAsJSONMay() throws {
        var json = Self.visit
        for _ in 0..<500 { json = #"{"expression_type":"unary","operator":"-","operand":\#(json)}"# }
        let deep = try expression(json)
        #expect(deep.type == .int)
        #expect(try ColumnExpression(wire: reader(deep.wire), universe: universe()) == deep)
    }
}
