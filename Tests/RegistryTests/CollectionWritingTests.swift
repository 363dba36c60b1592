import ButlerModel
import Database
import Registry
import Testing

@Suite struct CollectionWritingTests {
    private static func refused(
        _ kind: ButlerError.Kind, _ made: TemporaryRegistry,
        _ change: @escaping @Sendable (RegistryWriter) throws -> Void
    ) async {
        let error = await #expect(throws: ButlerError.self) { try await made.registry.write(change) }
        #expect(error?.kind == kind)
    }

    private func names(_ made: TemporaryRegistry) async throws -> Set<String> {
        Set(try await made.registry.read { try $0.collectionInfo(CollectionSearch()).map(\.name) })
    }

    @Test func membersOfChainsStayUnlessUnlinked() async throws {
        let made = try await TemporaryRegistry.filled()
        await Self.refused(.orphanedRecord, made) { try $0.removeCollection("run/a") }
        try await made.registry.write { try $0.removeCollection("run/a", unlinking: true) }
        #expect(try await names(made) == ["run/b", "chain", "tag", "calib"])
        let children = try await made.registry.read { try $0.collectionInfo(CollectionSearch(["chain"]))[0].children }
        #expect(children == ["run/b"])
        try await made.registry.write { try $0.removeCollection("chain") }
        #expect(try await names(made) == ["run/b", "tag", "calib"])
        await Self.refused(.missingCollection, made) { try $0.removeCollection("chain") }
    }

    @Test func runsWithDatasetsStayUnlessAskedFor() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("image")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 1, "detector": 2], for: type)
            let refs = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
            try writer.associate(refs, with: "tag")
        }
        await Self.refused(.orphanedRecord, made) { try $0.removeCollection("run/a", unlinking: true) }
        try await made.registry.write { try $0.removeCollection("run/a", unlinking: true, withDatasets: true) }
        try await made.registry.read { snapshot in
            let count = try snapshot.connection.fetchOne("SELECT COUNT(*) FROM \(table: "dataset")") { try $0.int(0) }
            #expect(count == 0)
        }
    }

    @Test func runsWhoseDatasetsHaveFilesStay() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("image")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 1, "detector": 2], for: type)
            let ref = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])[0]
            try writer.connection.execute(
                "INSERT INTO \(table: "dataset_location") VALUES ('store', \(value: ref.id.uuid))")
        }
        await Self.refused(.orphanedRecord, made) {
            try $0.removeCollection("run/a", unlinking: true, withDatasets: true)
        }
        let children = try await made.registry.read { try $0.collectionInfo(CollectionSearch(["chain"]))[0].children }
        #expect(children == ["run/b", "run/a"])
    }

    @Test func documentationIsReplacedAndRemoved() async throws {
        let made = try await TemporaryRegistry.filled()
        func text() async throws -> String {
            try await made.registry.read {
                try $0.collectionInfo(CollectionSearch(["chain"], includeDocumentation: true))[0].documentation
            }
        }
        #expect(try await text() == "both runs")
        try await made.registry.write { try $0.setDocumentation("é 'quoted'", of: "chain") }
        #expect(try await text() == "é 'quoted'")
        try await made.registry.write { try $0.setDocumentation(nil, of: "chain") }
        #expect(try await text() == "")
        await Self.refused(.missingCollection, made) { try $0.setDocumentation("x", of: "nosuch") }
    }

    @Test(arguments: [
        "a b", "a#b", "é/ü/漢", "a*b", "a,b", "/x/", "a//b", "..", "a\nb", String(repeating: "é", count: 10_000),
    ])
    func anyTextCanNameACollection(_ name: String) async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write { writer in
            #expect(try writer.registerCollection(name, type: .run))
            #expect(try !writer.registerCollection(name, type: .run))
            try writer.extendChain("chain", children: [name])
        }
        let children = try await made.registry.read { try $0.collectionInfo(CollectionSearch(["chain"]))[0].children }
        #expect(children == ["run/b", "run/a", name])
        try await made.registry.write { try $0.removeCollection(name, unlinking: true) }
    }

    @Test func datasetTypesWithoutDatasetsAreRemoved() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("bias")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "detector": 1], for: type)
            _ = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
        }
        await Self.refused(.orphanedRecord, made) { _ = try $0.removeDatasetTypes(["*"]) }
        await Self.refused(.datasetTypeExpression, made) { _ = try $0.removeDatasetTypes(["bias.part"]) }
        let removed = try await made.registry.write { writer in
            #expect(try writer.removeDatasetTypes(["nosuch", "no*"]) == [])
            return try writer.removeDatasetTypes(["im*", "nosuch"])
        }
        #expect(removed == ["image"])
        #expect(try await made.registry.read { try $0.datasetTypes(matching: ["*"]).found.map(\.name) } == ["bias"])
    }

    @Test func aFailureThatIsCaughtLeavesNothingBehind() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("image")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 1, "detector": 2], for: type)
            let a = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])[0]
            let b = try writer.insertDatasets(type, run: "run/b", dataIDs: [id])[0]
            #expect(throws: ButlerError.self) { try writer.associate([a, b], with: "tag") }
            #expect(try writer.snapshot.collectionSummary("tag").datasetTypes == [])
            try writer.associate([b], with: "tag")
        }
        try await made.registry.read { snapshot in
            #expect(try snapshot.collectionSummary("tag").datasetTypes == ["image"])
            let found = try snapshot.findDataset(
                try snapshot.datasetType("image"), dataID: ["instrument": "Cam", "visit": 1, "detector": 2],
                collections: ["tag"], time: .none)
            #expect(found?.run == "run/b")
        }
    }

    @Test func summariesForgetWhatIsGone() async throws {
        let made = try await TemporaryRegistry.filled()
        let count = try await made.registry.write { writer in
            let type = try writer.snapshot.datasetType("image")
            let id = try writer.snapshot.standardize(["instrument": "Cam", "visit": 1, "detector": 2], for: type)
            let refs = try writer.insertDatasets(type, run: "run/a", dataIDs: [id])
            try writer.associate(refs, with: "tag")
            #expect(try writer.disassociate(refs, from: "tag") == 1)
            #expect(try writer.disassociate(refs, from: "tag") == 0)
            #expect(try writer.snapshot.collectionSummary("tag").datasetTypes == ["image"])
            return try writer.refreshCollectionSummaries()
        }
        #expect(count == 1)
        let types = try await made.registry.read { snapshot in
            try ["tag", "run/a"].map { try snapshot.collectionSummary($0).datasetTypes }
        }
        #expect(types == [[], ["image"]])
    }
}
