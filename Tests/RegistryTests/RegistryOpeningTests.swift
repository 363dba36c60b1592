import ButlerModel
import Database
import DatabaseSupport
import Foundation
import Registry
import Synchronization
import Testing

@Suite struct RegistryOpeningTests {
    /// Opens the registry anew after a change to its attributes.
    private func open(
        _ access: DatabaseAccess, managers: [String: String] = [:],
        after change: @escaping @Sendable (any DatabaseConnection) throws -> Void
    ) async throws {
        let made = try await TemporaryRegistry.make()
        try await made.registry.database.write { try change($0) }
        let database = try await made.reopen(access)
        _ = try await Registry.open(database: database, managers: managers)
    }

    private static let prefix = "lsst.daf.butler.registry."

    private func setVersion(_ manager: String, _ version: String) -> @Sendable (any DatabaseConnection) throws -> Void {
        { connection in
            try connection.execute(
                """
                UPDATE \(table: "butler_attributes") SET \(column: "value") = \(value: version) \
                WHERE \(column: "name") = \(value: "version:\(Self.prefix)\(manager)")
                """)
        }
    }

    @Test(arguments: [
        ("bridge.monolithic.MonolithicDatastoreRegistryBridgeManager", "0.1.0", true, false),
        ("bridge.monolithic.MonolithicDatastoreRegistryBridgeManager", "0.2.0", true, true),
        ("dimensions.static.StaticDimensionRecordStorageManager", "6.1.0", false, false),
        ("dimensions.static.StaticDimensionRecordStorageManager", "6.0.0", true, true),
        ("collections.synthIntKey.SynthIntKeyCollectionManager", "3.0.0", false, false),
        ("datasets.byDimensions._manager.ByDimensionsDatasetRecordStorageManagerUUID", "1.0.0", true, true),
        ("datasets.byDimensions._manager.ByDimensionsDatasetRecordStorageManagerUUID", "2.1.0", false, false),
        ("attributes.DefaultButlerAttributeManager", "nonsense", false, false),
    ])
    func schemaVersionsDecideWhatMayBeDone(
        manager: String, version: String, isReadable: Bool, isWriteable: Bool
    ) async throws {
        for (access, allowed) in [(DatabaseAccess.readOnly, isReadable), (.readWrite, isWriteable)] {
            if allowed {
                try await open(access, after: setVersion(manager, version))
            } else {
                await #expect(throws: RegistryError.self) {
                    try await open(access, after: setVersion(manager, version))
                }
            }
        }
    }

    @Test func aManagerThatIsNotTheRecordedOneIsRefused() async throws {
        await #expect(throws: RegistryError.self) {
            try await open(
                .readOnly, managers: ["collections": Self.prefix + "collections.nameKey.NameKeyCollectionManager"],
                after: { _ in })
        }
        await #expect(throws: RegistryError.self) {
            try await open(.readOnly, managers: ["obscore": "x.Y"], after: { _ in })
        }
    }

    @Test func otherDatabasesAreNoRegistries() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try await TestDatabase.open(in: folder)
        await #expect(throws: RegistryError.self) { try await Registry.open(database: database, managers: [:]) }
    }

    @Test func anOccupiedDatabaseIsNotCreatedOver() async throws {
        let made = try await TemporaryRegistry.make()
        await #expect(throws: RegistryError.self) {
            try await Registry.create(
                database: made.registry.database, dimensions: made.registry.universe.configuration)
        }
    }

    @Test func changesByOthersAreSeenAtOnce() async throws {
        let made = try await TemporaryRegistry.filled()
        let other = try await Registry.open(
            database: try await made.reopen(.readOnly), managers: [:])
        func names() async throws -> Set<String> {
            Set(try await other.read { try $0.collectionInfo(CollectionSearch()).map(\.name) })
        }
        #expect(try await names().contains("later") == false)
        try await made.registry.write { _ = try $0.registerCollection("later", type: .run) }
        #expect(try await names().contains("later"))
        try await made.registry.write { writer in
            try writer.insert([
                try DimensionRecord(
                    writer.universe.requireElement("instrument"),
                    ["name": .string("New"), "class_name": .string("x")])
            ])
        }
        let found = try await other.read { try $0.expand(["instrument": "New"]).isFull }
        #expect(found)
    }

    @Test func aTransactionThatMeetsAnotherIsRepeatedIfItMayBe() async throws {
        let made = try await TemporaryRegistry.make()
        let attempts = Mutex(0)
        let body: @Sendable (RegistryWriter) throws -> Int = { writer in
            try writer.registerCollection("new", type: .run)
            let attempt = attempts.withLock { $0 += 1; return $0 }
            if attempt < 3 { throw DatabaseError.transactionConflict("x", reason: "deadlock") }
            return attempt
        }
        #expect(try await Registry.repeating { try await made.registry.write(body) } == 3)
        let names = try await made.registry.read { try $0.collectionInfo(CollectionSearch()).map(\.name) }
        #expect(names == ["new"])
        attempts.withLock { $0 = 0 }
        await #expect(throws: DatabaseError.self) { try await made.registry.write(body) }
        #expect(attempts.withLock { $0 } == 1)
    }

    @Test func collectionSearchesFollowChains() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.read { snapshot in
            func names(_ search: CollectionSearch) throws -> [String] {
                try snapshot.collectionInfo(search).map(\.name)
            }
            #expect(try names(CollectionSearch(["chain"])) == ["chain"])
            #expect(try names(CollectionSearch(["chain"], flattenChains: true)) == ["run/b", "run/a"])
            #expect(
                try names(CollectionSearch(["run/a", "chain"], flattenChains: true, includeChains: true))
                    == ["run/a", "chain", "run/b"])
            #expect(try names(CollectionSearch(["run/*", "tag"])) == ["run/a", "run/b", "tag"])
            #expect(try names(CollectionSearch(["*"], types: [.calibration])) == ["calib"])
            #expect(throws: ButlerError.self) { try names(CollectionSearch(["nowhere"])) }
            let info = try snapshot.collectionInfo(
                CollectionSearch(["run/a"], includeParents: true, includeSummary: true))
            #expect(info.first?.parents == ["chain"])
            #expect(info.first?.datasetTypes == [])
        }
    }
}
