import ButlerModel
import Registry
import Testing

@Suite struct DataIDTests {
    @Test(
        arguments: [
            ["instrument": "Cam", "visit": 1, "detector": "D2"],
            ["instrument": "Cam", "visit": "v1", "detector": 2],
            ["instrument": "Cam", "visit.name": "v1", "detector.full_name": "D2"],
            ["instrument": "Cam", "day_obs": 20260101, "visit.seq_num": 1, "detector": 2],
            [
                "instrument": "Cam", "physical_filter": "g1", "visit.day_obs": 20260101, "visit.seq_num": 1,
                "full_name": "D2",
            ],
            ["instrument": "Cam", "band": "g", "visit.day_obs": 20260101, "detector": 2],
            ["instrument": "Cam", "visit": 1, "visit.name": "v1", "detector": 2],
        ] as [[String: DataIDValue]])
    func recordsNameDimensionsToo(loose: [String: DataIDValue]) async throws {
        let made = try await TemporaryRegistry.filled()
        let id = try await made.registry.read { try $0.standardize(loose, for: try $0.datasetType("image")) }
        #expect(Array(id.requiredValues) == ["Cam", 2, 1])
    }

    @Test(
        arguments: [
            (["instrument": "Cam", "visit": 1, "detector": "nowhere"], .dimensionValue),
            (["instrument": "Cam", "visit": 1, "detector": 1, "colour": "red"], .dimensionValue),
            (["instrument": "Cam", "visit.day_obs": 20260101, "detector": 1], .dimensionValue),
            (["instrument": "Cam", "visit": 1, "visit.name": "v2", "detector": 1], .dimensionValue),
            (["instrument": "Cam", "visit": 1, "visit.nothing": "v2", "detector": 1], .dimensionValue),
            (["instrument": "Cam", "visit": 1], .dimensionName),
        ] as [([String: DataIDValue], ButlerError.Kind)])
    func whatNamesNothingIsRefused(loose: [String: DataIDValue], kind: ButlerError.Kind) async throws {
        let made = try await TemporaryRegistry.filled()
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.read { try $0.standardize(loose, for: try $0.datasetType("image")) }
        }
        #expect(error?.kind == kind)
    }

    @Test func expansionFetchesEveryRecord() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.read { snapshot in
            let id = try snapshot.expand(["instrument": "Cam", "visit": 2])
            #expect(id.isFull)
            #expect(id["band"] == "r")
            #expect(id.record(of: try snapshot.universe.requireElement("physical_filter"))?["band"] == .string("r"))
            #expect(id.timespan != nil)
            #expect(id.regions?.count == 1)
        }
    }

    @Test func contradictionsAndUnknownValuesAreRefused() async throws {
        let made = try await TemporaryRegistry.filled()
        func kind(_ loose: [String: DataIDValue]) async -> ButlerError.Kind? {
            do {
                _ = try await made.registry.read { try $0.expand(loose) }
                return nil
            } catch { return (error as? ButlerError)?.kind }
        }
        #expect(await kind(["instrument": "Cam", "visit": 99]) == .dataIDValue)
        #expect(
            await kind(["instrument": "Cam", "visit": 1, "physical_filter": "r1", "band": "r", "day_obs": 20260101])
                == .inconsistentDataID)
        #expect(await kind(["instrument": "Cam", "visit": 1, "exposure": 1]) == .inconsistentDataID)
        #expect(await kind(["instrument": "Cam", "galaxy": 1]) == .dimensionName)
    }

    @Test func pixelsOfTheSkyHaveRecordsWithoutATable() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.read { snapshot in
            let id = try snapshot.expand(["htm7": 231_858])
            #expect(id.regions?.count == 1)
            #expect(throws: ButlerError.self) { try snapshot.expand(["htm7": 1]) }
        }
    }
}
