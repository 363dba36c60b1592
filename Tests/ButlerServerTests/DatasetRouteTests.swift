import ButlerModel
import ButlerServer
import HummingbirdTesting
import StructuredData
import Testing

@Suite struct DatasetRouteTests {
    @Test func aDatasetIsFoundByIdentifier() async throws {
        try await withServer { client in
            let ref = try #require(try await client.get("dataset/\(FixtureRepository.whole)").json()["dataset_ref"])
            #expect(ref["id"]?.stringValue == FixtureRepository.whole.description)
            #expect(ref["dataId"] == ["dataId": ["instrument": "Cam", "detector": 1], "records": .null])
            #expect(ref["run"] == "run/a")
            let expanded = try await client.get("dataset/\(FixtureRepository.whole)?dimension_records=true").json()
            #expect(
                expanded["dataset_ref"]?["dataId"]?["records"]?["instrument"] == [
                    "definition": "instrument", "record": ["name": "Cam", "detector_max": 3],
                ])
            #expect(try await client.get("dataset/\(FixtureRepository.unknown)").json() == ["dataset_ref": .null])
        }
    }

    @Test func malformedIdentifiersAndFlagsAreValidationFailures() async throws {
        try await withServer { client in
            for path in ["dataset/not-a-uuid", "dataset/\(FixtureRepository.whole)?dimension_records=maybe"] {
                let answer = try await client.get(path)
                #expect(answer.status == 422)
                #expect(try answer.json()["error_type"] == nil)
                #expect(try answer.json()["detail"]?.arrayValue?.count == 1)
            }
        }
    }

    @Test func manyDatasetsAreFoundAtOnceUpToTenThousand() async throws {
        try await withServer { client in
            let whole = FixtureRepository.whole.description
            let answer = try await client.post(
                "datasets",
                ["dataset_ids": [.string(whole), .string(FixtureRepository.unknown.description), .string(whole)]])
            #expect(try answer.json()["type"] == "dataset_ref")
            #expect(try answer.json()["rows"]?.arrayValue?.map { $0["id"] } == [.string(whole)])
            let many = (0...10_000).map { StructuredValue.string(FixtureRepository.id($0).description) }
            #expect(try await client.post("datasets", ["dataset_ids": .array(many)]).status == 422)
            #expect(try await client.post("datasets", ["dataset_ids": .array(many.dropLast())]).status == 200)
        }
    }

    private static let search: StructuredMapping = [
        "dataset_type": "settings", "data_id": ["detector": 1], "default_data_id": ["instrument": "Cam"],
        "collections": ["run/a"], "timespan": .null, "dimension_records": false,
    ]

    @Test func aDatasetIsFoundByDataID() async throws {
        try await withServer { client in
            let found = try await client.post("find_dataset", .object(Self.search)).json()
            #expect(found["dataset_ref"]?["id"]?.stringValue == FixtureRepository.whole.description)
            var none = Self.search
            none["data_id"] = ["instrument": "Cam", "detector": 7]
            #expect(try await client.post("find_dataset", .object(none)).json() == ["dataset_ref": .null])
            var incomplete = Self.search
            incomplete["data_id"] = ["instrument": "Cam"]
            #expect(
                try await client.post("find_dataset", .object(incomplete)).json()["error_type"] == "dimension_name")
        }
    }

    @Test(
        arguments: [
            ("dataset_type", .int(3)), ("data_id", ["detector": [1]]), ("data_id", ["detector": 1.5]), ("data_id", [1]),
            ("collections", "run/a"), ("collections", [1]), ("timespan", [1]), ("timespan", "now"),
            ("dimension_records", "yes"), ("timespan", nil), ("collections", nil), ("data_id", nil),
        ] as [(String, StructuredValue?)])
    func requestsOfTheWrongFormAreValidationFailures(key: String, value: StructuredValue?) async throws {
        try await withServer { client in
            var body = Self.search
            body[key] = value
            let answer = try await client.post("find_dataset", .object(body))
            #expect(answer.status == 422)
            #expect(try answer.json()["error_type"] == nil)
            #expect(try answer.json()["detail"]?.arrayValue?.first?["loc"]?.arrayValue?.first == "body")
        }
    }

    @Test func unknownMembersAreIgnored() async throws {
        try await withServer { client in
            var body = Self.search
            body["surprise"] = ["a": 1]
            let answer = try await client.post("find_dataset", .object(body))
            #expect(answer.status == 200)
        }
    }

    @Test func bodiesAboveTheLimitAreRefused() async throws {
        try await withServer { client in
            var body = Self.search
            body["surprise"] = .string(String(repeating: "x", count: 5 << 20))
            let answer = try await client.post("find_dataset", .object(body))
            #expect(answer.status == 413)
        }
    }
}
