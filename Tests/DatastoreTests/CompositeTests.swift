import ButlerModel
import StructuredData
import Testing

@testable import Datastore

@Suite struct CompositeTests {
    static let metrics = """
        storageClasses:
          Part: {pytype: dict}
          Number: {pytype: int}
          List: {pytype: list}
          Metrics:
            pytype: tests.Metrics
            components: {data: List, summary: Part, output: Part}
            derivedComponents: {counter: Number}
        datastore:
          composites: {disassembled: {apart: true}}
          formatters:
            Metrics: lsst.daf.butler.formatters.json.JsonFormatter
            Part: lsst.daf.butler.formatters.yaml.YamlFormatter
            List: lsst.daf.butler.formatters.json.JsonFormatter
        """

    @Test func aDisassembledCompositeHasAFileForEachComponent() async throws {
        let repository = try await TestRepository(Self.metrics)
        let ref = try FileDatastoreTests.detectorRef("apart", storageClass: "Metrics")
        try await repository.put(.structured(["data": [1, 2], "summary": ["a": 1], "output": nil]), ref)
        #expect(
            repository.artifacts == [
                "u/r/apart.data/apart_data_Cam_R7_u_r.json", "u/r/apart.summary/apart_summary_Cam_R7_u_r.yaml",
            ])
        let stored = try #require(try await repository.stored(ref.id).first)
        #expect(Set(stored.infos.map(\.component)) == ["data", "summary"])
        #expect(Set(stored.infos.map(\.storageClass)) == ["List", "Part"])
        #expect(Set(try stored.locations().keys) == ["data", "summary"])
        #expect(try await repository.get(ref).structured == ["data": [1, 2], "summary": ["a": 1]])
        #expect(try await repository.get(ref, "data").structured == [1, 2])
        await #expect(
            throws: DatastoreError.noComponent(
                dataset: ref.description, component: "output", known: ["data", "summary"])
        ) {
            try await repository.get(ref, "output")
        }
    }

    @Test func aComponentOfAWholeFileIsAMemberOfItsMapping() async throws {
        let repository = try await TestRepository(Self.metrics)
        let ref = try FileDatastoreTests.detectorRef("whole", storageClass: "Metrics")
        try await repository.put(.composite(["data": .structured([1]), "summary": .structured(["a": 1])]), ref)
        #expect(repository.artifacts == ["u/r/whole/whole_Cam_R7_u_r.json"])
        #expect(try await repository.get(ref, "summary").structured == ["a": 1])
        let component = DatasetRef(
            id: ref.id,
            datasetType: try DatasetType(
                name: "whole.data", dimensions: ref.datasetType.dimensions, storageClass: "List",
                parentStorageClass: "Metrics"),
            dataID: ref.dataID, run: ref.run)
        #expect(try await repository.get(component).structured == [1])
        for unknown in ["counter", "nothing", "output"] {
            await #expect(throws: DatastoreError.self) { try await repository.get(ref, unknown) }
        }
    }

    @Test func whatIsNoSuchCompositeIsRefusedAndLeavesNoFile() async throws {
        let repository = try await TestRepository(Self.metrics)
        let ref = try FileDatastoreTests.detectorRef("apart", storageClass: "Metrics")
        for value in [[1], ["data": [1], "surplus": 1], [:], ["data": [1], "summary": 5]] as [StructuredValue] {
            await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.structured(value), ref) }
        }
        #expect(repository.artifacts.isEmpty)
    }
}
