import ButlerModel
import QueryModel
import StructuredData
import Testing

/// The wire form of whole queries: remote Butler protocol reference, sections 7.2, 7.5 and 7.6.
@Suite struct QueryWireTests {
    static let upload = "840b31d9-05cd-5161-b2c8-00d32b280d0f"
    static let materialization = "3e34ec0c-8ad1-4ffd-9b6f-7b3f63fd3b4d"

    /// The example of the query system reference, section 2.1, with something in each member.
    static let tree =
        #"{"dimensions":["band","instrument","day_obs","detector","physical_filter","visit"],"#
        + #""datasets":{"calexp":{"collections":["HSC/runs/a","b"],"dimensions":["band","instrument","day_obs","#
        + #""detector","physical_filter","visit"]},"bias":{"collections":[],"dimensions":["instrument","detector"]}},"#
        + #""any_dataset":null,"data_coordinate_uploads":{"\#(upload)":["instrument","detector"]},"#
        + #""materializations":{"\#(materialization)":["instrument"]},"#
        + #""predicate":{"operands":[[{"predicate_type":"comparison","#
        + #""a":{"expression_type":"dimension_key","dimension":"visit"},"b":{"expression_type":"int","value":5},"#
        + #""operator":">"}]]},"validateGovernorConstraints":false}"#

    private func tree(_ json: String) throws -> QueryTree {
        try QueryTree(wire: try reader(json), universe: try universe())
    }

    // MARK: Trees

    @Test func theExampleOfTheProtocolComesBackByteForByte() throws {
        let decoded = try tree(Self.tree)
        #expect(json(decoded.wire) == Self.tree)
        #expect(decoded.datasets.map(\.datasetType) == ["calexp", "bias"])
        #expect(decoded.datasets[0].collections == ["HSC/runs/a", "b"])
        #expect(decoded.uploads.map(\.key.description) == [Self.upload])
        #expect(decoded.predicate.description == "visit > 5")
        #expect(!decoded.validatesGovernors)
        #expect(try tree(json(decoded.wire)) == decoded)
    }

    @Test func onlyTheDimensionsOfATreeAreRequired() throws {
        let short = try tree(#"{"dimensions":[]}"#)
        #expect(short == .empty(in: try universe()))
        #expect(
            short.wire == [
                "dimensions": [], "datasets": [:], "any_dataset": nil, "data_coordinate_uploads": [:],
                "materializations": [:], "predicate": ["operands": []], "validateGovernorConstraints": true,
            ])
    }

    @Test func groupsAreReadInAnyOrderWithoutImpliedNames() throws {
        #expect(
            try tree(#"{"dimensions":["visit"]}"#) == tree(#"{"dimensions":["visit","band","instrument","visit"]}"#))
    }

    @Test func aSearchForAnyDatasetIsKept() throws {
        let decoded = try tree(
            #"{"dimensions":["detector"],"any_dataset":{"collections":["a"],"dimensions":["detector"]}}"#)
        #expect(decoded.anyDataset?.collections == ["a"])
        #expect(try tree(json(decoded.wire)) == decoded)
    }

    @Test func aFieldOfAnyDatasetIsKept() throws {
        let field = #"{"expression_type":"dataset_field","dataset_type":-1,"field":"run"}"#
        let isRun = #""predicate":{"operands":[[{"predicate_type":"comparison","a":"# + field
            + #","b":{"expression_type":"string","value":"r"},"operator":"=="}]]}"#
        let decoded = try tree(
            #"{"dimensions":["detector"],"any_dataset":{"collections":["a"],"dimensions":["detector"]},"# + isRun + "}")
        #expect(try tree(json(decoded.wire)) == decoded)
        #expect(json(decoded.wire).contains(#""dataset_type":-1"#))
        // Without such a search there is no such field.
        #expect(throws: ButlerError.self) { try tree(#"{"dimensions":["detector"],"# + isRun + "}") }
    }

    @Test func whatIsInATreeFitsItsDimensions() {
        let visit = #"{"expression_type":"dimension_key","dimension":"visit"}"#
        func isNull(_ operand: String) -> String {
            #""predicate":{"operands":[[{"predicate_type":"is_null","operand":\#(operand)}]]}"#
        }
        let wrong: [(members: String, kind: ButlerError.Kind, fragment: String)] = [
            (
                #""datasets":{"flat":{"collections":["a"],"dimensions":["detector","physical_filter"]}}"#,
                .invalidQuery,
                "Dataset type 'flat' has dimensions {instrument, detector, physical_filter}"
            ),
            (#""any_dataset":{"collections":["a"],"dimensions":["visit"]}"#, .invalidQuery, "has dimensions"),
            (#""data_coordinate_uploads":{"\#(Self.upload)":["visit"]}"#, .invalidQuery, "Joined data IDs"),
            (#""materializations":{"\#(Self.upload)":["tract"]}"#, .invalidQuery, "Joined data IDs"),
            (isNull(visit), .invalidQuery, "Column 'visit' needs dimensions"),
            (
                isNull(#"{"expression_type":"dimension_field","element":"visit","field":"region"}"#), .invalidQuery,
                "Column 'visit.region' needs dimensions"
            ),
            (
                isNull(#"{"expression_type":"dataset_field","dataset_type":"flat","field":"run"}"#), .invalidQuery,
                "Cannot reference dataset type(s) {'flat'} that have not been joined."
            ),
            (#""data_coordinate_uploads":{"x":["detector"]}"#, .malformedModel, "query.data_coordinate_uploads.x"),
            (#""datasets":{"flat":{"collections":["a"]}}"#, .malformedModel, "query.datasets.flat lacks 'dimensions'"),
            (#""datasets":{"flat":{"collections":"a","dimensions":[]}}"#, .malformedModel, "must be a list"),
            (#""datasets":{"flat":{"collections":["a"],"dimensions":["nosuch"]}}"#, .dimensionName, "'nosuch'"),
            (#""predicate":[]"#, .malformedModel, "query.predicate must be a mapping"),
            (#""validateGovernorConstraints":1"#, .malformedModel, "must be a boolean"),
        ]
        for (members, kind, fragment) in wrong {
            expectError(kind, fragment, members) { _ = try tree(#"{"dimensions":["detector"],\#(members)}"#) }
        }
        expectError(.malformedModel, "lacks 'dimensions'") { _ = try tree("{}") }
        expectError(.dimensionName, "'visit_detector_region'") {
            _ = try tree(#"{"dimensions":["visit_detector_region"]}"#)
        }
    }

    // MARK: Results

    static let detector = #"["instrument","detector"]"#
    static let tail = #""order_by":[],"limit":null,"allow_duplicate_overlaps":false}"#

    /// Each kind of result, in full.
    static let results = [
        #"{"result_type":"data_coordinate","dimensions":\#(detector),"include_dimension_records":true,\#(tail)"#,
        #"{"result_type":"data_coordinate","dimensions":[],"include_dimension_records":false,\#(tail)"#,
        #"{"result_type":"dimension_record","element":"visit_detector_region",\#(tail)"#,
        #"{"result_type":"dimension_record","element":"htm7",\#(tail)"#,
        #"{"result_type":"dataset_ref","dataset_type_name":"bias","dimensions":\#(detector),"#
            + #""storage_class_name":"Exposure","include_dimension_records":false,"find_first":true,"#
            + #""order_by":[{"expression_type":"reversed","operand":{"expression_type":"dimension_key","#
            + #""dimension":"detector"}},{"expression_type":"dataset_field","dataset_type":"bias","field":"ingest_date"}],"#
            + #""limit":0,"allow_duplicate_overlaps":true}"#,
        #"{"result_type":"general","dimensions":\#(detector),"dimension_fields":{"detector":["full_name","raft"]},"#
            + #""dataset_fields":{"bias":["collection","run"],"flat":["timespan"]},"include_dimension_records":true,"#
            + #""find_first":false,\#(tail)"#,
    ]

    private func result(_ json: String) throws -> ResultSpecification {
        try ResultSpecification(wire: try reader(json), universe: try universe())
    }

    @Test func everyKindOfResultComesBackByteForByte() throws {
        for text in Self.results { #expect(json(try result(text).wire) == text) }
    }

    @Test func resultsHaveDefaults() throws {
        let decoded = try result(#"{"result_type":"general","dimensions":["detector"],"find_first":false}"#)
        #expect(
            decoded.wire == [
                "result_type": "general", "dimensions": ["instrument", "detector"], "dimension_fields": [:],
                "dataset_fields": [:], "include_dimension_records": false, "find_first": false, "order_by": [],
                "limit": nil, "allow_duplicate_overlaps": false,
            ])
        #expect(try result(#"{"result_type":"data_coordinate","dimensions":[],"limit":-5}"#).limit == -5)
    }

    @Test func keyColumnsAmongTheFieldsOfAnElementAreLeftOut() throws {
        func fields(_ names: String) throws -> StructuredValue? {
            try result(
                #"{"result_type":"general","dimensions":["exposure"],"dimension_fields":{"exposure":\#(names)},"find_first":false}"#
            ).wire["dimension_fields"]
        }
        #expect(try fields(#"["id","group","obs_id","instrument"]"#) == ["exposure": ["obs_id"]])
        #expect(try fields(#"["id"]"#) == [:])
    }

    @Test func theDimensionsOfRecordsAreThoseOfTheElement() throws {
        let visit = try result(#"{"result_type":"dimension_record","element":"visit"}"#)
        #expect(visit.dimensions.keyNames == ["instrument", "visit", "band", "day_obs", "physical_filter"])
        let pair = try result(#"{"result_type":"dimension_record","element":"visit_detector_region"}"#)
        #expect(pair.dimensions.requiredNames == ["instrument", "detector", "visit"])
        #expect(try result(Self.results[4]).findFirstDatasetType == "bias")
        #expect(try result(Self.results[5]).findFirstDatasetType == nil)
    }

    @Test func impossibleResultsAreErrors() {
        func general(_ members: String, findFirst: Bool = false) -> String {
            #"{"result_type":"general","dimensions":["detector","htm7"],"find_first":\#(findFirst),\#(members)}"#
        }
        let wrong: [(json: String, kind: ButlerError.Kind, fragment: String)] = [
            ("{}", .malformedModel, "lacks 'result_type'"),
            (#"{"result_type":"rows"}"#, .malformedModel, "unknown result type 'rows'"),
            (#"{"result_type":"data_coordinate"}"#, .malformedModel, "lacks 'dimensions'"),
            (#"{"result_type":"dimension_record","element":"x"}"#, .dimensionName, "'x'"),
            (
                #"{"result_type":"dataset_ref","dataset_type_name":"a","dimensions":[]}"#, .malformedModel,
                "'find_first'"
            ),
            (#"{"result_type":"data_coordinate","dimensions":[],"limit":1.5}"#, .malformedModel, "query.limit"),
            (
                #"{"result_type":"data_coordinate","dimensions":[],"order_by":[{"expression_type":"uuid","#
                    + #""value":"\#(Self.upload)"}]}"#, .invalidQuery, "Column type uuid"
            ),
            (general(#""dataset_fields":{}"#, findFirst: true), .invalidQuery, "it has 0"),
            (general(#""dataset_fields":{"a":["run"],"b":["run"]}"#, findFirst: true), .invalidQuery, "it has 2"),
            (general(#""dataset_fields":{"a":[]}"#), .invalidQuery, "fields of dataset type 'a' is empty"),
            (general(#""dataset_fields":{"a":["size"]}"#), .malformedModel, "unknown dataset field 'size'"),
            (general(#""dimension_fields":{"visit":["name"]}"#), .invalidQuery, "Fields of 'visit' are not available"),
            (general(#""dimension_fields":{"detector":[]}"#), .invalidQuery, "fields of 'detector' is empty"),
            (general(#""dimension_fields":{"detector":["ids"]}"#), .invalidQuery, "'detector.ids' does not exist"),
            (general(#""dimension_fields":{"htm7":["region"]}"#), .invalidQuery, "are not stored"),
            (general(#""dimension_fields":{"nosuch":["a"]}"#), .dimensionName, "'nosuch'"),
        ]
        for (json, kind, fragment) in wrong { expectError(kind, fragment, json) { _ = try result(json) } }
    }

    // MARK: Inputs

    private func input(_ json: String) throws -> QueryInput {
        try QueryInput(wire: try reader(json), universe: try universe())
    }

    @Test func inputsComeBackByteForByte() throws {
        for text in [
            #"{"type":"upload","key":"\#(Self.upload)","dimensions":\#(Self.detector),"rows":[["HSC",1],["HSC",2]]}"#,
            #"{"type":"upload","key":"\#(Self.upload)","dimensions":[],"rows":[[],[]]}"#,
            #"{"type":"materialized","key":"\#(Self.upload)","tree":\#(Self.tree),"dimensions":\#(Self.detector),"#
                + #""datasets":["bias","calexp"],"allow_duplicate_overlaps":true}"#,
        ] { #expect(json(try input(text).wire) == text) }
    }

    @Test func uploadedValuesHaveTheTypeOfTheirDimension() throws {
        func upload(_ rows: String) -> String {
            #"{"type":"upload","key":"\#(Self.upload)","dimensions":\#(Self.detector),"rows":\#(rows)}"#
        }
        guard case .upload(_, let rows) = try input(upload(#"[["HSC",2.0],["HSC",true]]"#)) else { return }
        #expect(rows == [[.string("HSC"), .int(2)], [.string("HSC"), .int(1)]])
        let wrong: [(rows: String, kind: ButlerError.Kind, fragment: String)] = [
            (#"[["HSC"]]"#, .malformedModel, "has 1 values for the 2 required dimensions"),
            (#"[["HSC",1,2]]"#, .malformedModel, "has 3 values"),
            (#"[["HSC","1"]]"#, .malformedModel, "query.rows[0][1] is no value for dimension 'detector'"),
            (#"[[1,1]]"#, .malformedModel, "dimension 'instrument'"),
            (#"[["HSC",null]]"#, .malformedModel, "query.rows[0][1]"),
            (#"[["HSC",1.5]]"#, .malformedModel, "query.rows[0][1]"),
            (#"["HSC"]"#, .malformedModel, "query.rows[0] must be a list"),
        ]
        for (rows, kind, fragment) in wrong { expectError(kind, fragment, rows) { _ = try input(upload(rows)) } }
    }

    @Test func anUploadHoldsAtMost100000Rows() throws {
        func upload(_ count: Int) throws -> QueryInput {
            try QueryInput(
                wire: reader([
                    "type": "upload", "key": .string(Self.upload), "dimensions": ["htm7"],
                    "rows": .array(Array(repeating: [.int(131072)], count: count)),
                ]), universe: try universe())
        }
        #expect(throws: Never.self) { try upload(100_000) }
        expectError(.invalidQuery, "Uploaded data coordinate rows exceed limit of 100000") { _ = try upload(100_001) }
    }

    @Test func otherInputsAreErrors() {
        expectError(.malformedModel, "unknown type 'rows'") {
            _ = try input(#"{"type":"rows","key":"\#(Self.upload)","dimensions":[]}"#)
        }
        expectError(.malformedModel, "query.key must be a UUID") {
            _ = try input(#"{"type":"upload","key":"x","dimensions":[],"rows":[]}"#)
        }
        expectError(.malformedModel, "lacks 'tree'") {
            _ = try input(#"{"type":"materialized","key":"\#(Self.upload)","dimensions":[],"datasets":[]}"#)
        }
    }
}
