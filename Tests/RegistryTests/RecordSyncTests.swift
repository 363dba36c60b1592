import ButlerModel
import Database
import DatabaseSupport
import Registry
import Testing

@Suite struct RecordSyncTests {
    private func record(
        _ made: TemporaryRegistry, _ element: String, _ values: [String: ColumnValue]
    ) throws -> DimensionRecord {
        try DimensionRecord(try made.registry.universe.requireElement(element), values)
    }

    private func visit(
        _ made: TemporaryRegistry, name: String = "v1", at longitude: Double = 10
    ) throws -> DimensionRecord {
        try record(
            made, "visit",
            [
                "instrument": .string("Cam"), "id": .int(1), "name": .string(name), "physical_filter": .string("g1"),
                "day_obs": .int(20260101), "seq_num": .int(1),
                "region": .region(EncodedRegion(try square(longitude, 1, 1))),
                "timespan": .timespan(try span(100, 150)),
            ])
    }

    private func pixels(_ made: TemporaryRegistry) async throws -> Set<Int64> {
        Set(
            try await made.registry.read { snapshot in
                try snapshot.connection.fetchAll(
                    """
                    SELECT \(column: "skypix_index") FROM \(table: "visit_skypix_overlap") \
                    WHERE \(column: "visit") = 1
                    """
                ) { try $0.int(0) }
            })
    }

    @Test func recordsAreInsertedComparedAndUpdated() async throws {
        let made = try await TemporaryRegistry.filled()
        let new = try record(
            made, "detector", ["instrument": .string("Cam"), "id": .int(77), "full_name": .string("new")])
        #expect(try await made.registry.write { try $0.sync(new) } == .inserted)
        #expect(try await made.registry.write { try $0.sync(new) } == .unchanged)
        let changed = try record(
            made, "detector",
            ["instrument": .string("Cam"), "id": .int(77), "full_name": .string("new"), "raft": .string("R")])
        let error = await #expect(throws: ButlerError.self) { try await made.registry.write { try $0.sync(changed) } }
        #expect(error?.kind == .conflictingDefinition)
        #expect(error?.message.contains("raft is not set, not 'R'") == true)
        #expect(
            try await made.registry.write { try $0.sync(changed, updating: true) }
                == .updated(replaced: ["raft": .null]))
        let held = try await made.registry.read { snapshot in
            try snapshot.record(of: changed.element, changed.requiredValues)
        }
        #expect(held == changed)
    }

    @Test func wholeNumbersAndFloatsAreOneNumber() async throws {
        let made = try await TemporaryRegistry.filled()
        func exposed(_ time: ColumnValue) throws -> DimensionRecord {
            try record(
                made, "visit",
                [
                    "instrument": .string("Cam"), "id": .int(9), "name": .string("v9"), "exposure_time": time,
                    "physical_filter": .string("g1"), "day_obs": .int(20260101),
                ])
        }
        let (first, second) = (try exposed(.float(30)), try exposed(.int(30)))
        #expect(try await made.registry.write { try $0.sync(first) } == .inserted)
        #expect(try await made.registry.write { try $0.sync(second) } == .unchanged)
    }

    @Test func theSkyFollowsAChangedRegion() async throws {
        let made = try await TemporaryRegistry.filled()
        let before = try await pixels(made)
        let renamed = try visit(made, name: "other")
        let outcome = try await made.registry.write { try $0.sync(renamed, updating: true) }
        #expect(outcome == .updated(replaced: ["name": .string("v1")]))
        #expect(try await pixels(made) == before)
        let moved = try visit(made, name: "other", at: 50)
        _ = try await made.registry.write { try $0.sync(moved, updating: true) }
        let after = try await pixels(made)
        #expect(!after.isEmpty && after.isDisjoint(with: before))
        let back = try visit(made)
        try await made.registry.write { try $0.insert([back], onConflict: .replace) }
        #expect(try await pixels(made) == before)
        let elsewhere = try visit(made, at: 50)
        try await made.registry.write { try $0.insert([elsewhere], onConflict: .skip) }
        // The record stays; superfluous pixels are harmless and missing ones would not be.
        #expect(try await pixels(made) == before.union(after))
    }

    @Test func newGovernorsAppearInTheOverlapSummaries() async throws {
        let made = try await TemporaryRegistry.filled()
        let camera = try record(made, "instrument", ["name": .string("Other")])
        _ = try await made.registry.write { try $0.sync(camera) }
        for table in ["visit_skypix_overlap_summary", "visit_detector_region_skypix_overlap_summary"] {
            let names = try await made.registry.read { snapshot in
                try snapshot.connection.fetchAll("SELECT \(column: "instrument") FROM \(table: table)") {
                    try $0.text(0)
                }
            }
            #expect(Set(names) == ["Cam", "Other"])
        }
    }

    @Test func bandsComeWithTheirFilters() async throws {
        let made = try await TemporaryRegistry.filled()
        let filter = try record(
            made, "physical_filter", ["instrument": .string("Cam"), "name": .string("u9"), "band": .string("u")])
        let bands = try await made.registry.write { writer in
            try writer.insert([filter])
            let band = try writer.universe.requireElement("band")
            return try writer.snapshot.record(of: band, ["u"]) != nil
        }
        #expect(bands)
        for element in ["band", "htm7"] {
            let record = DimensionRecord(
                element: try made.registry.universe.requireElement(element),
                values: element == "band" ? [.string("u")] : [.int(140_000), .null])
            for policy in [RecordConflictPolicy.fail, .skip, .replace] {
                let error = await #expect(throws: ButlerError.self) {
                    try await made.registry.write { try $0.insert([record], onConflict: policy) }
                }
                #expect(error?.kind == .conflictingDefinition)
            }
            await #expect(throws: ButlerError.self) { try await made.registry.write { try $0.sync(record) } }
        }
    }

    /// What records must not be, and the words by which the error says why.
    @Test(
        arguments: [
            ("detector", ["instrument": "Cam", "id": 1, "full_name": "new"], "'Cam', detector: 1} has the key"),
            ("detector", ["instrument": "Cam", "id": 88, "full_name": "D1"], "alternate key"),
            ("detector", ["instrument": "Cam", "id": 88, "full_name": ""], "empty or too long"),
            (
                "detector", ["instrument": "Cam", "id": 88, "full_name": .string(String(repeating: "x", count: 33))],
                "too long"
            ),
            (
                "detector", ["instrument": "Nix", "id": 88, "full_name": "new"],
                "instrument='Nix', for which 'instrument' has no"
            ),
            (
                "visit",
                ["instrument": "Cam", "id": 88, "name": "v", "physical_filter": "nix", "day_obs": 20260101],
                "physical_filter='nix', for which 'physical_filter' has no record"
            ),
            (
                "visit", ["instrument": "Cam", "id": 88, "name": "v", "physical_filter": "g1", "day_obs": 7],
                "day_obs=7, for which 'day_obs' has no record"
            ),
            (
                "visit_definition", ["instrument": "Cam", "visit": 1, "exposure": 77],
                "exposure=77, for which 'exposure'"
            ),
        ] as [(String, [String: DataIDValue], String)])
    func recordsThatCannotBeAreNamed(_ element: String, _ values: [String: DataIDValue], _ words: String) async throws {
        // Tables of PostgreSQL take empty texts.
        if TestDatabase.isPostgreSQL, values["full_name"] == "" { return }
        let made = try await TemporaryRegistry.filled()
        let good = try record(
            made, "detector", ["instrument": .string("Cam"), "id": .int(99), "full_name": .string("good")])
        let bad = try record(made, element, values.mapValues { ColumnValue($0) })
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.write { try $0.insert([good, bad]) }
        }
        #expect(error?.kind == .conflictingDefinition)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        let held = try await made.registry.read { try $0.record(of: good.element, good.requiredValues) }
        #expect(held == nil)
    }
}
