import ButlerModel
import ButlerServer
import HummingbirdTesting
import StructuredData
import Testing

@Suite struct MetadataRouteTests {
    @Test func theRootSaysWhatThisIs() async throws {
        try await withServer { client in
            let root = try await client.ask(.get, "/", prefix: "")
            #expect(root.status == 200)
            #expect(try root.json()["name"] == "butler")
            #expect(try await client.ask(.get, "/healthz", prefix: "").status == 200)
        }
    }

    @Test func clientsFindTheirConfigurationUnderAnyLabel() async throws {
        try await withServer { client in
            for path in ["demo/butler.yaml", "demo/butler.json", "nope/butler.yaml"] {
                let answer = try await client.ask(.get, path, prefix: "/api/butler/repo/")
                #expect(answer.headers[.contentType] == "application/json")
                #expect(
                    try answer.json() == [
                        "cls": "lsst.daf.butler.remote_butler.RemoteButler",
                        "remote_butler": ["url": "<butlerRoot>", "authentication": "rubin_science_platform"],
                    ])
            }
        }
        try await withServer(authentication: .cadc) { client in
            let answer = try await client.ask(.get, "x/butler.yaml", prefix: "/api/butler/repo/")
            #expect(try answer.json()["remote_butler"]?["authentication"] == "cadc")
        }
    }

    @Test func theUniverseArrivesInTheServersForm() async throws {
        try await withServer { client in
            let universe = try #require(try await client.get("universe").json()["universe"])
            #expect(universe["version"] == 8)
            #expect(universe["skypix"]?["systems"]?["htm"]?["max_level"] == 8)
            let detector = try #require(universe["elements"]?["detector"])
            #expect(detector["requires"] == ["instrument"])
            #expect(
                detector["keys"]?.arrayValue?.last == [
                    "name": "full_name", "doc": "", "type": "string", "nullable": false, "length": 32,
                ])
            #expect(detector["storage"] == .null)
            // A client can read it back.
            let again = try DimensionUniverse(DimensionConfiguration(universe))
            #expect(again.elements.map(\.name).suffix(2) == ["instrument", "detector"])
        }
    }

    @Test func datasetTypesAreFoundByNameAndPattern() async throws {
        try await withServer { client in
            let one = try await client.get("dataset_type/bias")
            #expect(
                try one.json() == [
                    "dataset_type": [
                        "name": "bias", "storageClass": "StructuredDataDict", "dimensions": ["instrument", "detector"],
                        "parentStorageClass": .null, "isCalibration": true,
                    ]
                ])
            let missing = try await client.get("dataset_type/nope")
            #expect(missing.status == 422)
            #expect(try missing.json()["error_type"] == "missing_dataset_type")
            #expect(try await client.get("dataset_type/1bad").json()["error_type"] == "dataset_type_expression")
            let several = try await client.post("query_dataset_types", ["search": ["s*", "nope"]]).json()
            #expect(several["dataset_types"]?.arrayValue?.map { $0["name"] } == ["settings", "summary"])
            #expect(several["missing"] == ["nope"])
        }
    }

    @Test func dataIDsAreExpanded() async throws {
        try await withServer { client in
            let answer = try await client.post("expand_data_id", ["data_id": ["instrument": "Cam", "detector": 2]])
            let coordinate = try #require(try answer.json()["data_coordinate"])
            #expect(coordinate["dataId"] == ["instrument": "Cam", "detector": 2])
            #expect(coordinate["records"]?["detector"]?["record"]?["full_name"] == "D")
            #expect(try await client.post("expand_data_id", ["data_id": ["nonsense": 1]]).status == 422)
        }
    }

    @Test func collectionsAreDescribed() async throws {
        let everything: StructuredValue = [
            "expression": ["*"], "collection_types": [1, 2, 3, 4], "flatten_chains": false, "include_chains": true,
            "include_parents": false, "include_summary": false, "include_doc": true, "summary_datasets": .null,
        ]
        try await withServer { client in
            let all = try await client.post("query_collection_info", everything).json()
            #expect(all["collections"]?.arrayValue?.map { $0["name"] } == ["run/a", "best", "all"])
            #expect(all["collections"]?.arrayValue?.last?["children"] == ["best", "run/a"])
            let summary = try await client.get("collection_summary?name=run%2Fa").json()
            #expect(summary["summary"]?["governors"] == ["instrument": ["Cam"]])
            #expect(summary["summary"]?["dataset_types"]?.arrayValue?.map { $0["name"] } == ["bias", "settings"])
            let missing = try await client.get("collection_summary?name=nope")
            #expect(try missing.json()["error_type"] == "missing_collection")
            #expect(try await client.get("collection_summary").json()["detail"]?.arrayValue?.count == 1)
        }
    }

    @Test func olderCollectionRoutesStillAnswer() async throws {
        try await withServer { client in
            let short = try await client.get("collection_info?name=all").json()
            #expect(short == ["name": "all", "type": 3, "children": ["best", "run/a"]])
            let long = try await client.get("collection_info?name=run/a&include_doc=true&include_parents=1").json()
            #expect(long["doc"] == "First light")
            #expect(long["parents"] == [])
            #expect(try await client.get("collection_info?name=al*").json()["error_type"] == "missing_collection")
            let names = try await client.post(
                "query_collections",
                ["search": ["*"], "collection_types": [1, 2], "flatten_chains": false, "include_chains": false])
            #expect(try names.json() == ["collections": ["run/a", "best"]])
        }
    }
}
