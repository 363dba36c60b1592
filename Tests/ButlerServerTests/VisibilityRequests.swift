import ButlerModel
import HTTPTypes
import StructuredData

@testable import ButlerServer

/// Requests to every route that tells of collections, dataset types or datasets.
struct VisibilityRequests {
    struct Request: Sendable {
        let method: HTTPRequest.Method
        let path: String
        var body: StructuredValue?
    }

    private(set) var all: [Request] = []

    /// - Parameter ids: of datasets, visible or not.
    init(ids: [DatasetID]) {
        addSingleDatasets(ids)
        addCollections()
        addSearches()
        addQueries()
    }

    private static let paths: [[String]] = [
        ["best"], ["all"], ["outer"], ["open/run"], ["calib"], ["u/ann/run"], ["u/bob/shared", "open/run"],
        ["u/bob/public", "best"], ["best", "open/run"], ["u/ann/best", "open/run"], ["g/few/chain"], ["nobody/run"],
        ["empty/run"], ["best", "calib", "open/run"],
    ]
    private static let types = ["image", "exotic", "draft", "bias", "nothing"]
    private static let keys: StructuredValue = ["instrument", "detector"]

    private mutating func get(_ path: String) { all.append(Request(method: .get, path: path)) }

    private mutating func post(_ path: String, _ body: StructuredValue) {
        all.append(Request(method: .post, path: path, body: body))
    }

    private mutating func addSingleDatasets(_ ids: [DatasetID]) {
        get("universe")
        for id in ids {
            get("dataset/\(id)")
            get("dataset/\(id)?dimension_records=true")
            get("get_file/\(id)")
            get("dataset/\(id)/download")
            get("dataset/\(id)/download?component=x")
            get("ui/preview/\(id)")
        }
        let list = StructuredValue.strings(ids.map(\.description))
        post("datasets", ["dataset_ids": list])
        post("file_transfer", ["dataset_ids": list])
    }

    private mutating func addCollections() {
        let names = VisibilityRepository.collections + ["nobody/run"]
        for name in names {
            get("collection_summary?name=\(name)")
            get("collection_info?name=\(name)&include_doc=true&include_parents=true")
        }
        let patterns = names.map { [$0] } + [["*"], ["u/*"], ["*un"], ["u/ann/run", "nobody/run"], ["all", "u/*"]]
        for pattern in patterns {
            for flattens in [false, true] {
                let body: StructuredMapping = [
                    "collection_types": [1, 2, 3, 4], "flatten_chains": .bool(flattens), "include_chains": true,
                ]
                var search = body
                search["search"] = .strings(pattern)
                post("query_collections", .object(search))
                var info = body
                info["expression"] = .strings(pattern)
                for key in ["include_parents", "include_summary", "include_doc"] { info[key] = true }
                post("query_collection_info", .object(info))
                info["summary_datasets"] = ["image", "exotic", "draft"]
                post("query_collection_info", .object(info))
            }
        }
        for name in Self.types {
            get("dataset_type/\(name)")
            get("dataset_type/\(name).part")
        }
        for names in [["*"], ["draft"], ["d*"], ["draft", "nothing"], ["image", "exotic"]] {
            post("query_dataset_types", ["search": .strings(names)])
        }
    }

    private mutating func addSearches() {
        for type in Self.types {
            for path in Self.paths + [["*"]] {
                for (instrument, detector) in [("Cam", 1), ("Cam", 2), ("Cam", 3), ("Other", 1), ("None", 1)] {
                    var body: StructuredMapping = [
                        "dataset_type": .string(type), "collections": .strings(path), "default_data_id": [:],
                        "data_id": ["instrument": .string(instrument), "detector": .int(Int64(detector))],
                        "timespan": [50, 150], "dimension_records": true,
                    ]
                    post("find_dataset", .object(body))
                    body["timespan"] = .null
                    post("find_dataset", .object(body))
                    post("get_file_by_data_id", .object(body))
                }
            }
        }
        post("expand_data_id", ["data_id": ["instrument": "Other", "detector": 1]])
    }

    private static func search(_ path: [String]) -> StructuredValue {
        ["collections": .strings(path), "dimensions": keys]
    }

    private static func inputs(_ datasets: StructuredMapping, _ operands: StructuredValue = []) -> StructuredValue {
        [
            "tree": [
                "dimensions": keys, "datasets": .object(datasets), "predicate": ["operands": operands],
                "validateGovernorConstraints": false,
            ],
            "default_data_id": ["dataId": [:]], "additional_query_inputs": [],
        ]
    }

    private mutating func addQueries() {
        for type in Self.types {
            for path in Self.paths {
                let query = Self.inputs([type: Self.search(path)])
                for findFirst in [true, false] {
                    let refs: StructuredValue = [
                        "result_type": "dataset_ref", "dataset_type_name": .string(type), "dimensions": Self.keys,
                        "storage_class_name": "StructuredDataDict", "find_first": .bool(findFirst),
                    ]
                    let general: StructuredValue = [
                        "result_type": "general", "dimensions": Self.keys, "dimension_fields": [:],
                        "dataset_fields": .object([type: ["dataset_id", "run", "collection"]]),
                        "find_first": .bool(findFirst),
                    ]
                    for result in [refs, general] {
                        post("query/execute", ["query": query, "result_spec": result])
                        post("query/count", ["query": query, "result_spec": result, "exact": true, "discard": true])
                    }
                    post(
                        "query/all_datasets",
                        [
                            "collections": .strings(path), "name": [.string(type)], "find_first": .bool(findFirst),
                            "data_id": [:], "where": "", "bind": [:], "limit": nil, "with_dimension_records": true,
                        ])
                }
                let dataIDs: StructuredValue = ["result_type": "data_coordinate", "dimensions": Self.keys]
                for result in [dataIDs, ["result_type": "dimension_record", "element": "detector"]] {
                    post("query/execute", ["query": query, "result_spec": result])
                }
                post("query/any", ["query": query, "execute": true, "exact": true])
                post("query/any", ["query": query, "execute": false, "exact": false])
                post("query/explain", ["query": query, "execute": true])
                addIndirect(type, path)
                post(
                    "ui/query",
                    ["kind": "datasets", "names": [.string(type)], "collections": .strings(path), "find_first": true])
            }
        }
        post("ui/query", ["kind": "datasets", "names": ["*"], "collections": ["*"], "find_first": false])
        for (names, paths) in [(["*"], ["all"]), (["*"], ["best"]), (["*"], ["outer"]), (["d*"], ["all"])] {
            post(
                "query/all_datasets",
                [
                    "collections": .strings(paths), "name": .strings(names), "find_first": true, "data_id": [:],
                    "where": "", "bind": [:], "limit": nil, "with_dimension_records": false,
                ])
        }
    }

    /// Conditions on the run, data IDs of another query, and materialized rows.
    private mutating func addIndirect(_ type: String, _ path: [String]) {
        let dataIDs: StructuredValue = ["result_type": "data_coordinate", "dimensions": Self.keys]
        let run: StructuredValue = ["expression_type": "dataset_field", "dataset_type": .string(type), "field": "run"]
        for name in ["u/ann/run", "nobody/run"] {
            let condition: StructuredValue = [
                "predicate_type": "comparison", "a": run, "operator": "==",
                "b": ["expression_type": "string", "value": .string(name)],
            ]
            post(
                "query/execute",
                ["query": Self.inputs([type: Self.search(path)], [[condition]]), "result_spec": dataIDs])
        }
        let detector: StructuredValue = ["expression_type": "dimension_key", "dimension": "detector"]
        let inner: StructuredValue = ["dimensions": Self.keys, "datasets": .object([type: Self.search(path)])]
        let membership: StructuredValue = [
            "predicate_type": "in_query", "member": detector, "column": detector, "query_tree": inner,
        ]
        post("query/execute", ["query": Self.inputs([:], [[membership]]), "result_spec": dataIDs])
        let key = "019281a0-0000-7000-8000-000000000001"
        post(
            "query/execute",
            [
                "query": [
                    "tree": ["dimensions": Self.keys, "materializations": .object([key: Self.keys])],
                    "default_data_id": ["dataId": [:]],
                    "additional_query_inputs": [
                        [
                            "type": "materialized", "key": .string(key), "tree": inner, "dimensions": Self.keys,
                            "datasets": [.string(type)],
                        ]
                    ],
                ], "result_spec": dataIDs,
            ])
    }
}
