import AstroTime
import Butler
import ButlerModel
import Foundation
import Registry
import RepositoryConfiguration
import Testing

/// The changes that a butler offers, over a new repository.
@Suite struct RegisteringTests {
    private static let environment = ConfigurationEnvironment(variables: [:])

    private func withRepository(
        writeable: Bool = true, _ body: (DirectButler) async throws -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("registering-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await DirectButler.create(path, options: try creation(), environment: Self.environment)
        let butler = try await DirectButler.open(path, writeable: writeable, environment: Self.environment)
        do {
            try await body(butler)
            try await butler.close()
        } catch {
            try await butler.close()
            throw error
        }
    }

    private static let camera = InstrumentDefinition(
        "Cam", className: "x.Y",
        detectors: [.init(id: 0, fullName: "D0", purpose: "SCIENCE"), .init(id: 1, fullName: "D1", raft: "R")],
        filters: [.init("g1", band: "g"), .init("r1", band: "r")], visitMaximum: 100)

    @Test func anInstrumentIsRegisteredOnce() async throws {
        try await withRepository { butler in
            let first = try await butler.register(Self.camera)
            #expect(first.count == 5 && first.allSatisfy { $0.outcome == .inserted })
            #expect(try await butler.register(Self.camera).isEmpty)
            var changed = Self.camera
            changed.visitMaximum = 200
            changed.detectors.append(.init(id: 2, fullName: "D2"))
            let again = changed
            let error = await #expect(throws: ButlerError.self) { try await butler.register(again) }
            #expect(error?.kind == .conflictingDefinition)
            #expect(try await butler.queryDimensionRecords("detector").count == 2)
            let updates = try await butler.register(again, updating: true)
            #expect(
                updates.map(\.outcome) == [
                    .updated(replaced: ["visit_max": .int(100), "detector_max": .int(2)]), .inserted,
                ])
            #expect(try await butler.queryDimensionRecords("band").count == 2)
        }
    }

    @Test func datasetTypesNeedAKnownStorageClassAndDimensions() async throws {
        try await withRepository { butler in
            let count = try DatasetType(
                name: "count", dimensions: try butler.universe.group(["visit"]), storageClass: "int")
            #expect(try await butler.register(count, isRehearsal: true))
            #expect(try await butler.register("count", ["visit"], storageClass: "int"))
            #expect(try await !butler.register("count", ["visit", "instrument"], storageClass: "int"))
            await #expect(throws: ConfigurationError.self) {
                try await butler.register("bad", ["visit"], storageClass: "NoSuchClass")
            }
            for (name, dimensions, kind) in [
                ("bad", ["nosuch"], ButlerError.Kind.dimensionName), ("a b", [], .datasetTypeExpression),
                ("a#b", [], .datasetTypeExpression), ("a/b", [], .datasetTypeExpression),
                ("é", [], .datasetTypeExpression), ("", [], .datasetTypeExpression),
                ("instrument", [], .datasetTypeExpression), ("a.b", [], .datasetTypeExpression),
                ("count", ["detector"], .conflictingDefinition),
            ] {
                let error = await #expect(throws: ButlerError.self) {
                    try await butler.register(name, dimensions, storageClass: "int")
                }
                #expect(error?.kind == kind, "\(name)")
            }
            #expect(try await butler.register(String(repeating: "x", count: 10_000), [], storageClass: "int"))
            #expect(try await butler.removeDatasetTypes(["x*", "nosuch"], isRehearsal: true).count == 1)
            #expect(try await butler.removeDatasetTypes(["*"]).count == 2)
        }
    }

    @Test func aTransactionKeepsAllOrNothing() async throws {
        try await withRepository { butler in
            let error = await #expect(throws: ButlerError.self) {
                try await butler.transaction { transaction in
                    let registry = transaction.registry
                    try registry.registerCollection("u/me/run", type: .run)
                    try registry.registerCollection("u/me", type: .chained)
                    try registry.setChain("u/me", children: ["u/me/run", "nosuch"])
                }
            }
            #expect(error?.kind == .missingCollection)
            #expect(try await butler.collections.search().isEmpty)
            let children = try await butler.transaction(isRehearsal: true) { transaction in
                let registry = transaction.registry
                try registry.registerCollection("u/me/run", type: .run)
                try registry.registerCollection("u/me", type: .chained)
                try registry.setChain("u/me", children: ["u/me/run"])
                return try registry.snapshot.flatten(["u/me"])
            }
            #expect(children == ["u/me/run"])
            #expect(try await butler.collections.search().isEmpty)
        }
    }

    @Test func collectionsAreEdited() async throws {
        try await withRepository { butler in
            let collections = butler.collections
            for name in ["a", "b", "c"] { #expect(try await collections.register(name)) }
            #expect(try await collections.register("chain", type: .chained, documentation: "first"))
            try await collections.setChain("chain", children: ["a"])
            try await collections.extendChain("chain", children: ["b"])
            try await collections.prependToChain("chain", children: ["c"])
            var info = try await collections.info("chain")
            #expect(info.children == ["c", "a", "b"] && info.documentation == "first")
            #expect(try await collections.popFromChain("chain") == ["c"])
            try await collections.removeFromChain("chain", children: ["b"])
            try await collections.setDocumentation("second", of: "chain")
            info = try await collections.info("chain")
            #expect(info.children == ["a"] && info.documentation == "second")
            #expect(try await collections.info("a", includeParents: true).parents == ["chain"])
            try await collections.remove("a", unlinking: true)
            #expect(try await collections.search().map(\.name).sorted() == ["b", "c", "chain"])
        }
    }

    @Test func calibrationsAreTaggedCertifiedAndDecertified() async throws {
        try await withRepository { butler in
            try await butler.register(Self.camera)
            try await butler.register("bias", ["detector"], storageClass: "StructuredDataDict", isCalibration: true)
            try await butler.collections.register("run")
            try await butler.collections.register("tag", type: .tagged)
            try await butler.collections.register("calib", type: .calibration)
            var refs: [DatasetRef] = []
            for detector in [0, 1] as [Int64] {
                refs.append(
                    try await butler.put(
                        .structured(.object([:])), "bias",
                        dataID: ["instrument": "Cam", "detector": .int(detector)], run: "run"))
            }
            try await butler.associate(refs, with: "tag")
            #expect(try await butler.disassociate([refs[0]], from: "tag") == 1)
            #expect(try await butler.queryDatasets("bias", collections: ["tag"]).map(\.id) == [refs[1].id])
            try await butler.certify(refs, in: "calib", for: .unbounded)
            let day = try Timespan(dayOfObservation: 20260101)
            let cleared = try await butler.decertify(
                "bias", in: "calib", for: day, dataIDs: [["instrument": "Cam", "detector": "D1"]])
            #expect(cleared == 1)
            let found = try await butler.findDataset(
                "bias", dataID: ["instrument": "Cam", "detector": 1], collections: ["calib"], time: .during(day))
            #expect(found == nil)
            let other = try await butler.findDataset(
                "bias", dataID: ["instrument": "Cam", "detector": 0], collections: ["calib"], time: .during(day))
            #expect(other?.id == refs[0].id)
            #expect(try await butler.disassociate(refs, from: "tag") == 1)
            #expect(try await butler.collections.refreshSummaries() == 1)
            // The dataset in the run is known to have files, which forbid that it goes with the run.
            let error = await #expect(throws: ButlerError.self) {
                try await butler.collections.remove("run", withDatasets: true)
            }
            #expect(error?.kind == .orphanedRecord)
        }
    }

    @Test func aReadOnlyButlerRefusesEveryChange() async throws {
        try await withRepository(writeable: false) { butler in
            let record = try butler.record("instrument", ["name": .string("Cam")])
            let changes: [@Sendable (DirectButler) async throws -> Void] = [
                { try await $0.collections.register("a") }, { try await $0.collections.setChain("a", children: []) },
                { try await $0.collections.remove("a") }, { try await $0.collections.setDocumentation("", of: "a") },
                { try await $0.register("a", [], storageClass: "int") }, { _ = try await $0.removeDatasetTypes(["a"]) },
                { try await $0.associate([], with: "a") }, { try await $0.disassociate([], from: "a") },
                { try await $0.certify([], in: "a", for: .unbounded) },
                { try await $0.decertify("a", in: "a", for: .unbounded) }, { try await $0.insert([record]) },
                { try await $0.sync(record) }, { try await $0.register(Self.camera) },
                { try await $0.collections.refreshSummaries() },
                { try await $0.transaction(isRehearsal: true) { _ in } },
            ]
            for change in changes {
                let error = await #expect(throws: RegistryError.self) { try await change(butler) }
                guard case .readOnly? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
        }
    }

    @Test func dataIDsThatCannotBeAreRefused() async throws {
        try await withRepository { butler in
            try await butler.register(Self.camera)
            try await butler.register("image", ["detector", "physical_filter"], storageClass: "StructuredDataDict")
            try await butler.collections.register("run")
            for (dataID, kind) in [
                (["instrument": "Cam", "detector": 0], ButlerError.Kind.dimensionName),
                (["instrument": "Cam", "detector": 7, "physical_filter": "g1"], .dataIDValue),
                (["instrument": "Nix", "detector": 0, "physical_filter": "g1"], .dataIDValue),
                (["instrument": "Cam", "detector": 0, "physical_filter": "g1", "band": "r"], .inconsistentDataID),
                (["instrument": "Cam", "detector": "nosuch", "physical_filter": "g1"], .dimensionValue),
                (["instrument": "Cam", "detector": 0, "physical_filter": "g1", "nosuch": 1], .dimensionValue),
            ] as [([String: DataIDValue], ButlerError.Kind)] {
                let error = await #expect(throws: ButlerError.self) {
                    try await butler.put(.structured(.object([:])), "image", dataID: dataID, run: "run")
                }
                #expect(error?.kind == kind, "\(dataID)")
            }
            #expect(try await butler.collections.info("run", includeSummary: true).datasetTypes == [])
        }
    }
}
