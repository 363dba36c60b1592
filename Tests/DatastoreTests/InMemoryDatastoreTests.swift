import ButlerModel
import FITS
import StructuredData
import Testing

@testable import Datastore

@Suite struct InMemoryDatastoreTests {
    static let memory = """
        storageClasses:
          Part: {pytype: dict}
          Pair:
            pytype: tests.Pair
            components: {first: Part, second: Part}
        datastore:
          cls: lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore
          constraints: {reject: [refused]}
        """

    @Test func aValueIsKeptInMemoryAndLeavesNothingElsewhere() async throws {
        let repository = try await TestRepository(Self.memory)
        #expect(repository.datastore.name.hasPrefix("InMemoryDatastore@"))
        let ref = try FileDatastoreTests.detectorRef()
        let staged = try await repository.datastore.stage(.structured(["a": 1]), ref)
        // Not before it is published.
        await #expect(throws: DatastoreError.self) { try await repository.get(ref) }
        try staged.publish()
        #expect(try await repository.get(ref).structured == ["a": 1])
        #expect(repository.artifacts.isEmpty)
        #expect(try await repository.stored(ref.id).isEmpty)
        #expect(repository.datastore.knows(ref.id, []))
        #expect(try await repository.datastore.exists(ref, []))
        try await staged.discard()
        await #expect(throws: DatastoreError.self) { try await repository.get(ref) }
    }

    @Test func componentsAndRulesAreThoseOfFiles() async throws {
        let repository = try await TestRepository(Self.memory)
        let ref = try FileDatastoreTests.detectorRef("pair", storageClass: "Pair")
        try await repository.put(.structured(["first": ["x": 1], "second": ["y": 2]]), ref)
        #expect(try await repository.get(ref, "second").structured == ["y": 2])
        await #expect(throws: DatastoreError.self) { try await repository.get(ref, "third") }
        await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.structured([:]), ref) }
        for (name, value) in [("refused", [:]), ("wrong", [1])] as [(String, StructuredValue)] {
            let other = try FileDatastoreTests.detectorRef(name, detector: 9)
            await #expect(throws: DatastoreError.self) {
                try await repository.datastore.stage(.structured(value), other)
            }
        }
        let image = try FileDatastoreTests.detectorRef("image", storageClass: "MaskedImageF", detector: 3)
        try await repository.put(.image(try ReadRequestTests.maskedImage()), image)
        let box = PixelBox(x: 11..<13, y: 21..<22)
        let cut = try await repository.datastore.read(
            image, from: [], ReadRequest(component: "image", parameters: ReadParameters(bbox: box)))
        #expect(try cut.converted(to: FITSImage.self, dataset: "it").pixels == .float([7, 8]))
    }

    @Test func inAChainTheFirstMemberAnswersAndForgettingReachesAll() async throws {
        let repository = try await TestRepository(
            """
            datastore:
              cls: lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore
              datastores:
                - cls: lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore
                - {cls: lsst.daf.butler.datastores.fileDatastore.FileDatastore, root: <butlerRoot>/a}
            """)
        let ref = try FileDatastoreTests.detectorRef()
        try await repository.put(.structured(["a": 1]), ref)
        #expect(repository.artifacts == ["a/u/r/d/d_Cam_R7_u_r.yaml"])
        try repository.directory.write("a: 2\n", to: "a/u/r/d/d_Cam_R7_u_r.yaml")
        #expect(try await repository.get(ref).structured == ["a": 1])
        let datastore = repository.datastore
        try await repository.database.write { try datastore.forget([ref.id], $0) }
        await #expect(throws: DatastoreError.self) { try await repository.get(ref) }
    }
}
