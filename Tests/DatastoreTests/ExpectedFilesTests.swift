import ButlerModel
import Foundation
import StructuredData
import Testing

@testable import Datastore

@Suite struct ExpectedFilesTests {
    @Test func expectedFilesAreThoseThatAreWritten() async throws {
        let repository = try await TestRepository(CompositeTests.metrics)
        let cases: [(String, String, StructuredValue)] = [
            ("StructuredDataDict", "d", [:]), ("int", "i", 3), ("Packages", "p", ["a": "1"]),
            ("Metrics", "whole", ["data": [1]]),
            ("Metrics", "apart", ["data": [1], "summary": [:], "output": [:]]), ("ButlerLogRecords", "l", []),
        ]
        for (index, (storageClass, name, value)) in cases.enumerated() {
            let ref = try FileDatastoreTests.detectorRef(name, storageClass: storageClass, detector: Int64(index))
            let expected = try repository.file.expectedFiles(of: ref)
            try await repository.put(.structured(value), ref)
            let written = try await repository.stored(ref.id).flatMap(\.infos)
            #expect(Set(expected.map(\.path)) == Set(written.map(\.path)))
            #expect(Set(expected.map(\.storageClass)) == Set(written.map(\.storageClass)))
            #expect(Set(expected.map(\.component)) == Set(written.map(\.component)))
        }
        let odd = try FileDatastoreTests.detectorRef("odd", storageClass: "QPEnsemble")
        #expect(throws: DatastoreError.self) { try repository.file.expectedFiles(of: odd) }
    }

    @Test func aTrustingDatastoreFindsFilesWithoutRecords() async throws {
        let sections = CompositeTests.metrics + "\n  trust_get_request: true\n"
        let repository = try await TestRepository(sections)
        let ref = try FileDatastoreTests.detectorRef()
        await #expect(throws: DatastoreError.self) { try await repository.get(ref) }
        #expect(try await !repository.datastore.exists(ref, []))
        try repository.directory.write("a: 1\n", to: "u/r/d/d_Cam_R7_u_r.yaml")
        #expect(try await repository.get(ref).structured == ["a": 1])
        #expect(try await repository.datastore.exists(ref, []))
        #expect(!repository.datastore.knows(ref.id, []))

        // Of a composite, the components that are there.
        let apart = try FileDatastoreTests.detectorRef("apart", storageClass: "Metrics")
        try repository.directory.write("[1, 2]", to: "u/r/apart.data/apart_data_Cam_R7_u_r.json")
        #expect(try await repository.get(apart).structured == ["data": [1, 2]])
        #expect(try await repository.get(apart, "data").structured == [1, 2])
    }

    @Test func otherDatastoresDoNotGuess() async throws {
        let repository = try await TestRepository()
        let ref = try FileDatastoreTests.detectorRef()
        try repository.directory.write("a: 1\n", to: "u/r/d/d_Cam_R7_u_r.yaml")
        await #expect(
            throws: DatastoreError.notStored(dataset: ref.description, datastore: repository.datastore.name)
        ) {
            try await repository.get(ref)
        }
    }
}
