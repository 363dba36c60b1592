import AstroTime
import ButlerModel
import ByteText
import QueryModel
import SkyGeometry
import StructuredData
import Testing

/// The wire form of expressions: remote Butler protocol reference, section 7.3.
@Suite struct ExpressionWireTests {
    static let point = Base64.encode(Region.circle(Circle(UnitVector.X)).encoded())

    /// Every node: its JSON, its type and how messages show it.
    static let nodes: [(json: String, type: ValueType, text: String)] = [
        (#"{"expression_type":"int","value":-5}"#, .int, "-5"),
        (#"{"expression_type":"int","value":9223372036854775807}"#, .int, "9223372036854775807"),
        (#"{"expression_type":"string","value":"it's"}"#, .string, "'it's'"),
        (#"{"expression_type":"float","value":2.5}"#, .float, "2.5"),
        (#"{"expression_type":"hash","encoded":"AAH/"}"#, .hash, "(hash 0001ff)"),
        (
            #"{"expression_type":"uuid","value":"840b31d9-05cd-5161-b2c8-00d32b280d0f"}"#, .uuid,
            "UUID('840b31d9-05cd-5161-b2c8-00d32b280d0f')"
        ),
        (#"{"expression_type":"datetime","nsec":1577836837000000000}"#, .datetime, "T'2020-01-01T00:00:37.000000000/tai'"),
        (
            #"{"expression_type":"timespan","begin_nsec":0,"end_nsec":1577836800000000000}"#, .timespan,
            "(NULL, T'2020-01-01T00:00:00.000000000/tai')"
        ),
        (#"{"expression_type":"timespan","begin_nsec":4102444800000000000,"end_nsec":0}"#, .timespan, "(empty timespan)"),
        (#"{"expression_type":"region","encoded":"\#(point)"}"#, .region, ""),
        (#"{"expression_type":"dimension_key","dimension":"visit"}"#, .int, "visit"),
        (#"{"expression_type":"dimension_key","dimension":"instrument"}"#, .string, "instrument"),
        (#"{"expression_type":"dimension_key","dimension":"htm7"}"#, .int, "htm7"),
        (
            #"{"expression_type":"dimension_field","element":"visit","field":"exposure_time"}"#, .float,
            "visit.exposure_time"
        ),
        (
            #"{"expression_type":"dimension_field","element":"detector","field":"full_name"}"#, .string,
            "detector.full_name"
        ),
        (
            #"{"expression_type":"dimension_field","element":"exposure","field":"can_see_sky"}"#, .bool,
            "exposure.can_see_sky"
        ),
        (#"{"expression_type":"dimension_field","element":"skymap","field":"hash"}"#, .hash, "skymap.hash"),
        (
            #"{"expression_type":"dimension_field","element":"visit_detector_region","field":"region"}"#, .region,
            "visit_detector_region.region"
        ),
        (#"{"expression_type":"dimension_field","element":"visit","field":"timespan"}"#, .timespan, "visit.timespan"),
        (#"{"expression_type":"dataset_field","dataset_type":"flat","field":"dataset_id"}"#, .uuid, "flat.dataset_id"),
        (
            #"{"expression_type":"dataset_field","dataset_type":"flat","field":"ingest_date"}"#, .ingestDate,
            "flat.ingest_date"
        ),
        (#"{"expression_type":"dataset_field","dataset_type":"flat","field":"run"}"#, .string, "flat.run"),
        (
            #"{"expression_type":"dataset_field","dataset_type":"flat","field":"collection"}"#, .string,
            "flat.collection"
        ),
        (#"{"expression_type":"dataset_field","dataset_type":"flat","field":"timespan"}"#, .timespan, "flat.timespan"),
        (
            #"{"expression_type":"unary","operand":{"expression_type":"dimension_key","dimension":"visit"},"operator":"-"}"#,
            .int, "-visit"
        ),
        (
            #"{"expression_type":"unary","operand":{"expression_type":"dimension_field","element":"visit","#
                + #""field":"timespan"},"operator":"begin_of"}"#,
            .datetime, "visit.timespan.begin"
        ),
        (
            #"{"expression_type":"unary","operand":{"expression_type":"dataset_field","dataset_type":"flat","#
                + #""field":"timespan"},"operator":"end_of"}"#,
            .datetime, "flat.timespan.end"
        ),
    ]

    @Test func everyNodeDecodesAndEncodesToTheSame() throws {
        for node in Self.nodes {
            let decoded = try expression(node.json)
            #expect(decoded.type == node.type, "\(node.json)")
            if !node.text.isEmpty { #expect(decoded.description == node.text) }
            #expect(decoded.wire == (try StructuredValue(json: node.json)))
            #expect(try ColumnExpression(wire: reader(decoded.wire), universe: universe()) == decoded)
        }
    }

    @Test func theDiscriminatorComesFirst() throws {
        for node in Self.nodes {
            #expect(json(try expression(node.json).wire).hasPrefix(#"{"expression_type":"#), "\(node.json)")
        }
    }

    @Test func arithmeticNestsAndKeepsItsOrder() throws {
        for operation in ArithmeticOperator.allCases {
            let sum = try ColumnExpression.combining(
                try key("visit"), operation, try .combining(.literal(.int(2)), .multiply, try key("detector")))
            #expect(sum.description == "visit \(operation.rawValue) (2 * detector)")
            #expect(try ColumnExpression(wire: reader(sum.wire), universe: universe()) == sum)
            #expect(sum.type == .int)
        }
    }

    @Test func valuesAreReadLoosely() throws {
        let uuid = #"{"expression_type":"uuid","value":"840b31d9-05cd-5161-b2c8-00d32b280d0f"}"#
        let pairs: [(String, String)] = [
            (#"{"expression_type":"int","value":"7"}"#, #"{"expression_type":"int","value":7}"#),
            (#"{"expression_type":"int","value":7.0}"#, #"{"expression_type":"int","value":7}"#),
            (#"{"expression_type":"int","value":true}"#, #"{"expression_type":"int","value":1}"#),
            (#"{"expression_type":"float","value":2}"#, #"{"expression_type":"float","value":2.0}"#),
            (#"{"expression_type":"float","value":"2.5"}"#, #"{"expression_type":"float","value":2.5}"#),
            (#"{"expression_type":"uuid","value":"840B31D9-05CD-5161-B2C8-00D32B280D0F"}"#, uuid),
            (#"{"expression_type":"uuid","value":"840b31d905cd5161b2c800d32b280d0f"}"#, uuid),
            (#"{"expression_type":"uuid","value":"{840b31d9-05cd-5161-b2c8-00d32b280d0f}"}"#, uuid),
            (
                #"{"expression_type":"timespan","begin_nsec":9,"end_nsec":3}"#,
                #"{"expression_type":"timespan","begin_nsec":4102444800000000000,"end_nsec":0}"#
            ),
            (
                #"{"expression_type":"timespan","begin_nsec":-1,"end_nsec":9223372036854775807}"#,
                #"{"expression_type":"timespan","begin_nsec":0,"end_nsec":4102444800000000000}"#
            ),
        ]
        for (loose, strict) in pairs { #expect(try expression(loose) == expression(strict), "\(loose)") }
    }

    @Test func whatIsNoExpressionIsAnErrorThatNamesThePlace() {
        let int = #"{"expression_type":"int","value":1}"#
        let text = #"{"expression_type":"string","value":"x"}"#
        let wrong: [(json: String, kind: ButlerError.Kind, fragment: String)] = [
            ("{}", .malformedModel, "query lacks 'expression_type'"),
            ("[]", .malformedModel, "query must be a mapping"),
            (#"{"expression_type":"bool","value":true}"#, .malformedModel, "unknown type 'bool'"),
            (#"{"expression_type":"reversed","operand":\#(int)}"#, .malformedModel, "unknown type 'reversed'"),
            (#"{"expression_type":"int","value":"x"}"#, .malformedModel, "query.value must be a whole number"),
            (#"{"expression_type":"int","value":1.5}"#, .malformedModel, "query.value must be a whole number"),
            (#"{"expression_type":"int","value":9223372036854775808}"#, .malformedModel, "more than 64 bits"),
            (#"{"expression_type":"int","value":null}"#, .malformedModel, "lacks 'value'"),
            (#"{"expression_type":"float","value":"x"}"#, .malformedModel, "query.value must be a number"),
            (#"{"expression_type":"string","value":3}"#, .malformedModel, "query.value must be a string"),
            (#"{"expression_type":"uuid","value":"840b31d9"}"#, .malformedModel, "query.value must be a UUID"),
            (#"{"expression_type":"hash","encoded":"*"}"#, .malformedModel, "query.encoded must be base64"),
            (#"{"expression_type":"region","encoded":"AAAA"}"#, .invalidQuery, "query.encoded is no region"),
            (#"{"expression_type":"datetime"}"#, .malformedModel, "lacks 'nsec'"),
            (#"{"expression_type":"timespan","begin_nsec":0}"#, .malformedModel, "lacks 'end_nsec'"),
            (#"{"expression_type":"dimension_key","dimension":"nosuch"}"#, .dimensionName, "'nosuch'"),
            (
                #"{"expression_type":"dimension_key","dimension":"visit_detector_region"}"#, .dimensionName,
                "'visit_detector_region' (query.dimension)"
            ),
            (#"{"expression_type":"dimension_field","element":"x","field":"y"}"#, .dimensionName, "'x'"),
            (
                #"{"expression_type":"dimension_field","element":"visit","field":"id"}"#, .invalidQuery,
                "'visit.id' does not exist"
            ),
            (
                #"{"expression_type":"dimension_field","element":"visit","field":"physical_filter"}"#, .invalidQuery,
                "'visit.physical_filter' does not exist"
            ),
            (
                #"{"expression_type":"dataset_field","dataset_type":-2,"field":"run"}"#, .malformedModel,
                "dataset_type"
            ),
            (
                #"{"expression_type":"dataset_field","dataset_type":"flat","field":"calib_pkey"}"#, .malformedModel,
                "unknown dataset field 'calib_pkey'"
            ),
            (#"{"expression_type":"unary","operand":\#(text),"operator":"-"}"#, .invalidQuery, "Cannot negate 'x'"),
            (
                #"{"expression_type":"unary","operand":\#(int),"operator":"begin_of"}"#, .invalidQuery,
                "Only timespans have a begin"
            ),
            (#"{"expression_type":"unary","operand":\#(int),"operator":"+"}"#, .malformedModel, "unknown operator '+'"),
            (
                #"{"expression_type":"binary","a":\#(int),"b":{"expression_type":"float","value":1.5},"operator":"+"}"#,
                .invalidQuery, "two numbers of the same type"
            ),
            (
                #"{"expression_type":"binary","a":\#(text),"b":\#(text),"operator":"+"}"#, .invalidQuery,
                "two numbers of the same type"
            ),
            (#"{"expression_type":"binary","a":\#(int),"b":\#(int),"operator":"**"}"#, .malformedModel, "'**'"),
            (#"{"expression_type":"binary","a":\#(int),"operator":"+"}"#, .malformedModel, "lacks 'b'"),
        ]
        for (json, kind, fragment) in wrong {
            expectError(kind, fragment, json) { _ = try expression(json) }
        }
    }

    @Test func remaindersAreOfWholeNumbersOnly() throws {
        let float = ColumnExpression.literal(.float(1.5))
        #expect(throws: Never.self) { try ColumnExpression.combining(float, .divide, float) }
        expectError(.invalidQuery, "two whole numbers") { _ = try ColumnExpression.combining(float, .remainder, float) }
    }

    // MARK: Order

    @Test func orderTermsRoundTripInBothDirections() throws {
        let rising = #"{"expression_type":"dimension_key","dimension":"visit"}"#
        for (json, text) in [
            (rising, "visit"), (#"{"expression_type":"reversed","operand":\#(rising)}"#, "visit DESC"),
        ] {
            let term = try OrderTerm(wire: try reader(json), universe: try universe())
            #expect(term.description == text)
            #expect(term.wire == (try StructuredValue(json: json)))
        }
    }

    @Test func onlyNumbersTextsAndTimesOrderRows() throws {
        let ordered: Set<ValueType> = [.int, .string, .float, .datetime, .ingestDate]
        for node in Self.nodes {
            let operand = try expression(node.json)
            if ordered.contains(node.type) {
                #expect(throws: Never.self) { try OrderTerm(operand) }
            } else {
                expectError(.invalidQuery, "Column type \(node.type) of \(operand) is not ordered.") {
                    _ = try OrderTerm(operand)
                }
            }
        }
    }
}
