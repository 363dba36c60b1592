import AstroTime
import ButlerModel
import Database
import Registry
import Testing

@Suite struct RegistryWritingTests {
    @Test(arguments: [false, true]) func whatFailsLeavesNothingBehind(endsWithErrors: Bool) async throws {
        let made = try await TemporaryRegistry.filled()
        let good = ["instrument": "Cam", "visit": 1, "detector": 2] as [String: DataIDValue]
        await #expect {
            try await made.registry.write { writer in
                let writer = endsWithErrors ? writer.endingWithErrors : writer
                let type = try writer.snapshot.datasetType("image")
                let id = try writer.snapshot.standardize(good, for: type)
                let missing = DataCoordinate(group: id.group, values: ["Cam", 77, 2])
                try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
                if endsWithErrors {
                    try writer.insertDatasets(type, run: "run/a", dataIDs: [missing])
                } else {
                    // One that is caught undoes its own part only.
                    #expect(throws: ButlerError.self) {
                        try writer.insertDatasets(type, run: "run/b", dataIDs: [id, missing])
                    }
                    #expect(try writer.snapshot.findDataset(type, dataID: good, collections: ["run/b"], time: .none) == nil)
                    #expect(try writer.snapshot.findDataset(type, dataID: good, collections: ["run/a"], time: .none) != nil)
                    try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
                }
            }
        } throws: {
            ($0 as? ButlerError)?.kind == .conflictingDefinition
        }
        try await made.registry.read { snapshot in
            let type = try snapshot.datasetType("image")
            #expect(try snapshot.findDataset(type, dataID: good, collections: ["run/a", "run/b"], time: .none) == nil)
        }
    }

    @Test func datasetsAreFoundInSearchOrder() async throws {
        let made = try await TemporaryRegistry.filled()
        let (a, b) = try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("image")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 1, "detector": 2], for: type)
            let a = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])[0]
            let b = try writer.insertDatasets(type, run: "run/b", dataIDs: [id])[0]
            try writer.associate([a], with: "tag")
            return (a, b)
        }
        try await made.registry.read { snapshot in
            let type = try snapshot.datasetType("image")
            let id: [String: DataIDValue] = ["instrument": "Cam", "visit": 1, "detector": 2]
            func find(_ collections: [String]) throws -> DatasetRef? {
                try snapshot.findDataset(type, dataID: id, collections: collections, time: .none)
            }
            #expect(try find(["chain"])?.id == b.id)
            #expect(try find(["run/a", "run/b"])?.id == a.id)
            #expect(try find(["tag", "chain"])?.id == a.id)
            #expect(try find(["calib"]) == nil)
            #expect(try find(["chain"])?.run == "run/b")
            #expect(
                try find(["chain"])?.dataID.description
                    == "{instrument: 'Cam', detector: 2, visit: 1, band: 'g', day_obs: 20260101, physical_filter: 'g1'}"
            )
            let contradicted = try snapshot.findDataset(
                type,
                dataID: id.merging(["physical_filter": "r1", "band": "r", "day_obs": 1]) { old, _ in old },
                collections: ["chain"], time: .none)
            #expect(contradicted?.dataID["band"] == "g")
            #expect(try snapshot.dataset(a.id)?.run == "run/a")
            #expect(Set(try snapshot.datasets([a.id, b.id]).map(\.id)) == [a.id, b.id])
        }
    }

    @Test func aSecondDatasetOfTheSameDataIDIsRefusedAndNothingIsKept() async throws {
        let made = try await TemporaryRegistry.filled()
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.write { writer in
                let type = try writer.snapshot.datasetType("image")
                let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 1, "detector": 2], for: type)
                _ = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
                _ = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
            }
        }
        #expect(error?.kind == .conflictingDefinition)
        try await made.registry.read { snapshot in
            let count = try snapshot.connection.fetchOne("SELECT COUNT(*) FROM \(table: "dataset")") { try $0.int(0) }
            #expect(count == 0)
        }
    }

    @Test func datasetsOfUnknownDimensionValuesAreRefused() async throws {
        let made = try await TemporaryRegistry.filled()
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.write { writer in
                let type = try writer.snapshot.datasetType("image")
                let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 77, "detector": 2], for: type)
                _ = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
            }
        }
        #expect(error?.kind == .conflictingDefinition)
    }

    @Test func calibrationsAreFoundByTheirValidity() async throws {
        let made = try await TemporaryRegistry.filled()
        let (early, late) = try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("bias")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "detector": 1], for: type)
            let early = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])[0]
            let late = try writer.insertDatasets(type, run: "run/b", dataIDs: [id])[0]
            try writer.certify([early], in: "calib", timespan: try span(0, 180))
            try writer.certify([late], in: "calib", timespan: try span(180, 400))
            return (early, late)
        }
        let registry = made.registry
        func find(_ dataID: [String: DataIDValue], _ time: CalibrationTime) async throws -> DatasetID? {
            try await registry.read { snapshot in
                try snapshot.findDataset(
                    try snapshot.datasetType("bias"), dataID: dataID, collections: ["calib"], time: time)?.id
            }
        }
        let detector: [String: DataIDValue] = ["instrument": "Cam", "detector": 1]
        #expect(try await find(detector, .during(try span(10, 20))) == early.id)
        #expect(try await find(detector, .during(try span(200, 210))) == late.id)
        #expect(try await find(detector, .none) == nil)
        #expect(try await find(detector, .during(try span(1000, 1001))) == nil)
        #expect(try await find(["instrument": "Cam", "detector": 1, "exposure": 2], .ofDataID) == late.id)
        #expect(try await find(["instrument": "Cam", "detector": "D1", "exposure": "e1"], .ofDataID) == early.id)
        let error = await #expect(throws: ButlerError.self) { try await find(detector, .any) }
        #expect(error?.kind == .calibrationLookup)
    }

    @Test func overlappingValidityIsRefusedAlsoWithinOneCall() async throws {
        let made = try await TemporaryRegistry.filled()
        let first = await #expect(throws: ButlerError.self) {
            try await made.registry.write { writer in
                let type = try writer.snapshot.datasetType("bias")
                let id = try writer.snapshot.standardize(["instrument": "Cam", "detector": 1], for: type)
                let a = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])[0]
                let b = try writer.insertDatasets(type, run: "run/b", dataIDs: [id])[0]
                try writer.certify([a, b], in: "calib", timespan: try span(0, 10))
            }
        }
        #expect(first?.kind == .conflictingDefinition)
        let second = await #expect(throws: ButlerError.self) {
            try await made.registry.write { writer in
                let type = try writer.snapshot.datasetType("bias")
                let id = try writer.snapshot.standardize(["instrument": "Cam", "detector": 1], for: type)
                let a = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])[0]
                let b = try writer.insertDatasets(type, run: "run/b", dataIDs: [id])[0]
                try writer.certify([a], in: "calib", timespan: try span(0, 10))
                try writer.certify([b], in: "calib", timespan: try span(9, 20))
            }
        }
        #expect(second?.kind == .conflictingDefinition)
    }

    @Test func chainsCannotContainThemselves() async throws {
        let made = try await TemporaryRegistry.filled()
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.write { writer in
                try writer.registerCollection("outer", type: .chained)
                try writer.setChain("outer", children: ["chain"])
                try writer.setChain("chain", children: ["outer"])
            }
        }
        #expect(error?.kind == .collectionCycle)
    }

    @Test func aCollectionKeepsItsType() async throws {
        let made = try await TemporaryRegistry.filled()
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.write { try $0.registerCollection("run/a", type: .tagged) }
        }
        #expect(error?.kind == .collectionType)
        #expect(try await made.registry.write { try $0.registerCollection("run/a", type: .run) } == false)
    }

    @Test func aDatasetTypeKeepsItsDefinition() async throws {
        let made = try await TemporaryRegistry.filled()
        let error = await #expect(throws: ButlerError.self) {
            try await made.registry.write { writer in
                try writer.registerDatasetType(
                    try DatasetType(name: "bias", dimensions: writer.universe.emptyGroup, storageClass: "int"))
            }
        }
        #expect(error?.kind == .conflictingDefinition)
    }

    @Test func regionsAreEnteredIntoTheOverlapTables() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.read { snapshot in
            let visits = try snapshot.connection.fetchOne(
                "SELECT COUNT(DISTINCT \(column: "visit")) FROM \(table: "visit_skypix_overlap")"
            ) { try $0.int(0) }
            #expect(visits == 2)
            let summaries = try snapshot.connection.fetchOne(
                "SELECT \(columns: ["skypix_system", "skypix_level", "skymap"]) FROM \(table: "tract_skypix_overlap_summary")"
            ) { "\(try $0.text(0)) \(try $0.int(1)) \(try $0.text(2))" }
            #expect(summaries == "htm 7 sky")
        }
    }
}
