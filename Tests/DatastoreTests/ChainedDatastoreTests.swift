import ButlerModel
import Foundation
import StructuredData
import Testing

@testable import Datastore

@Suite struct ChainedDatastoreTests {
    static let chain = """
        datastore:
          cls: lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore
          datastore_constraints:
            - constraints: {reject: [all]}
            - constraints: {reject: [onlyB]}
            - constraints: {accept: [both, onlyB, "instrument<Special>": [far]]}
          datastores:
            - cls: lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore
            - cls: lsst.daf.butler.datastores.fileDatastore.FileDatastore
              root: <butlerRoot>/a
              constraints: {reject: [refused]}
            - cls: lsst.daf.butler.datastores.fileDatastore.FileDatastore
              root: <butlerRoot>/b
              name: second
              records: {table: second_records}
              templates: {default: "{id}", "instrument+detector": "{run}/{detector:03d}_{instrument}"}
        """

    @Test func aDatasetGoesToEveryMemberThatAcceptsIt() async throws {
        let repository = try await TestRepository(Self.chain)
        let memory = try #require(repository.datastore.memories.first)
        #expect(
            repository.datastore.name == "ChainedDatastore[\(memory.name), FileDatastore@<butlerRoot>/a, second]")
        #expect(repository.datastore.files.map(\.name) == ["FileDatastore@<butlerRoot>/a", "second"])
        let both = try FileDatastoreTests.detectorRef("both", detector: 1)
        try await repository.put(.structured(["x": 1]), both)
        #expect(repository.artifacts == ["a/u/r/both/both_Cam_R1_u_r.yaml", "b/u_r/001_Cam.yaml"])
        #expect(
            try await repository.stored(both.id).map(\.datastore.name) == ["FileDatastore@<butlerRoot>/a", "second"])

        // When the file of the first member is gone, the second answers.
        try FileManager.default.removeItem(atPath: repository.directory.path + "/a/u/r/both/both_Cam_R1_u_r.yaml")
        #expect(try await repository.get(both).structured == ["x": 1])
        try FileManager.default.removeItem(atPath: repository.directory.path + "/b/u_r/001_Cam.yaml")
        await #expect(throws: DatastoreError.self) { try await repository.get(both) }
    }

    @Test func constraintsOfMembersAndOfTheChainCount() async throws {
        let repository = try await TestRepository(Self.chain)
        for (name, detector, folders) in [("onlyB", 1, ["b"]), ("other", 2, ["a"]), ("far", 3, ["a"])] {
            let ref = try FileDatastoreTests.detectorRef(name, detector: Int64(detector))
            try await repository.put(.structured([:]), ref)
            #expect(try await repository.stored(ref.id).map { $0.datastore.name == "second" ? "b" : "a" } == folders)
        }
        let special = try FileDatastoreTests.detectorRef("far", detector: 4, instrument: "Special")
        try await repository.put(.structured([:]), special)
        #expect(try await repository.stored(special.id).count == 2)
        let refused = try FileDatastoreTests.detectorRef("refused", detector: 5)
        await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.structured([:]), refused) }
    }

    @Test func aFailureInOneMemberLeavesNothingInAnother() async throws {
        let repository = try await TestRepository(Self.chain)
        try repository.directory.write("in the way", to: "b")
        let ref = try FileDatastoreTests.detectorRef("both", detector: 1)
        await #expect(throws: (any Error).self) { try await repository.datastore.stage(.structured([:]), ref) }
        #expect(repository.artifacts == ["b"])
    }

    @Test func forgettingRemovesRecordsAndKeepsFiles() async throws {
        let repository = try await TestRepository(Self.chain)
        let ref = try FileDatastoreTests.detectorRef("both", detector: 1)
        try await repository.put(.structured([:]), ref)
        let datastore = repository.datastore
        try await repository.database.write { try datastore.forget([ref.id], $0) }
        #expect(try await repository.stored(ref.id).isEmpty)
        #expect(repository.artifacts.count == 2)
    }

    @Test func manyDatasetsAreLookedUpAtOnce() async throws {
        let repository = try await TestRepository()
        let file = repository.file
        let ids = (0..<3000).map { DatasetID(high: 1, low: $0) }
        try await repository.database.write { connection in
            for id in ids { try connection.execute("INSERT INTO dataset (id) VALUES (\(value: .uuid(id.uuid)))") }
            let rows = ids.map { id in
                StagedFile.Row(
                    id: id, info: StoredFileInfo(formatter: "f", path: "\(id)", storageClass: "int", component: "c"))
            }
            try file.insertRecords([StagedFile(datastore: file, rows: rows, placement: nil)], connection)
        }
        let found = try await repository.database.read { try file.records(of: ids + [DatasetID(high: 2, low: 0)], $0) }
        #expect(found.count == 3000)
        #expect(
            found[ids[17]] == [StoredFileInfo(formatter: "f", path: "\(ids[17])", storageClass: "int", component: "c")])
    }
}
