import ButlerModel
import Foundation
import Query
import RepositoryConfiguration
import StructuredData
import Testing

@testable import Butler
@testable import Datastore

/// What goes out of one repository and into another.
@Suite struct RoundTripTests {
    private static let environment = ConfigurationEnvironment(variables: [:])

    /// A new repository in a folder that goes away.
    private func withTarget<T>(_ body: (DirectButler, String) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("exchange-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let survey = try await SharedSurvey.one.path()
        let seed = try await ConfigurationDocument(path: survey + "/butler.yaml", environment: Self.environment)
        var values = seed.values
        for key in values.keys where key != "storageClasses" { values[key] = nil }
        try await DirectButler.create(
            folder + "/target",
            options: try creation(values), environment: Self.environment)
        let target = try await DirectButler.open(
            folder + "/target", writeable: true, environment: Self.environment, onWarning: { _ in })
        let result = try await body(target, folder)
        try await target.close()
        return result
    }

    private func everything(_ butler: DirectButler) async throws -> [DatasetRef] {
        var refs: [DatasetRef] = []
        for try await page in butler.query.allDatasets(
            AllDatasetsRequest(collections: ["*"], names: ["*"], findFirst: false, where: "", limit: nil))
        { refs += page }
        var seen: Set<DatasetID> = []
        return refs.filter { seen.insert($0.id).inserted }
    }

    @Test(arguments: [ArtifactTransfer.copy, .link, .symlink, .relsymlink])
    func aWholeRepositoryGoesThroughAnExport(_ transfer: ArtifactTransfer) async throws {
        try await withSurvey { survey in
            let refs = try await everything(survey)
            try await withTarget { target, folder in
                let count = try await survey.export(to: folder + "/export", transfer: transfer) { export in
                    for info in try await survey.registry.read({ try $0.collectionInfo(.init()) }) {
                        try await export.saveCollection(info.name)
                    }
                    try await export.saveDatasets(refs)
                    try await export.saveDatasets(refs)
                    return export.datasetCount
                }
                #expect(count == refs.count)
                #expect(try await target.import(.init(directory: folder + "/export", transfer: .copy)) == refs.count)
                let brought = try await everything(target)
                #expect(Set(brought.map(\.id)) == Set(refs.map(\.id)))
                for ref in refs.prefix(40) {
                    #expect(try await target.stored(ref.id).first?.exists() == true)
                }
                let names: @Sendable (DirectButler) async throws -> [String] = { butler in
                    try await butler.registry.read { snapshot in
                        try snapshot.collectionInfo(.init(includeDocumentation: true)).map {
                            "\($0.name) \($0.type) \($0.documentation) \($0.children)"
                        }.sorted()
                    }
                }
                #expect(try await names(target) == names(survey))
            }
        }
    }

    @Test func anImportThatFailsLeavesNothing() async throws {
        try await withSurvey { survey in
            let refs = try await everything(survey)
            try await withTarget { target, folder in
                try await survey.export(to: folder + "/export", transfer: .copy) { export in
                    try await export.saveDatasets(refs)
                }
                // The last statement of the file contradicts the rest.
                let path = folder + "/export/export.yaml"
                let text = try String(contentsOfFile: path, encoding: .utf8)
                let run = refs[0].run
                try (text
                    + "- type: associations\n  collection: '\(run)'\n  collection_type: TAGGED\n  dataset_ids:\n"
                    + "  - !uuid '\(refs[0].id)'\n").write(toFile: path, atomically: true, encoding: .utf8)
                await #expect(throws: ButlerError.self) {
                    try await target.import(.init(directory: folder + "/export", transfer: .copy))
                }
                #expect(try await target.registry.read { try $0.datasetTypes(matching: ["*"]).found.isEmpty })
                #expect(try await target.registry.read { try $0.collectionInfo(.init()).isEmpty })
                let left = FileManager.default.enumerator(atPath: folder + "/target")?.compactMap { $0 as? String } ?? []
                #expect(left.filter { !$0.hasPrefix("gen3") && !$0.hasPrefix(".steward") } == ["butler.yaml"])
            }
        }
    }

    @Test func anArchiveGoesFromOneRepositoryToAnother() async throws {
        try await withSurvey { survey in
            let refs = Array(try await everything(survey).prefix(30))
            try await withTarget { target, folder in
                let datastore = try survey.datastore()
                let expanded = try await survey.registry.read { snapshot in
                    try refs.map { $0.with(dataID: try snapshot.expand($0.dataID)) }
                }
                let ids = refs.map(\.id)
                let stored = try await survey.registry.read { try datastore.stored(ids, $0.connection) }
                let retrieval = try ArtifactRetrieval(
                    try expanded.map { ($0, try #require(stored[$0.id]?.first)) }, naming: .prefixedBasename)
                let path = try await retrieval.archive(
                    in: .init(localPath: folder + "/"), refs: expanded, overwrites: false)
                #expect(try await target.ingestZip(path, transferDimensions: true, isDryRun: true).count == refs.count)
                #expect(try await target.registry.read { try $0.datasetTypes(matching: ["*"]).found.isEmpty })
                try await target.ingestZip(path, transfer: .copy, transferDimensions: true)
                #expect(Set(try await everything(target).map(\.id)) == Set(ids))
                for ref in expanded {
                    let artifact = try #require(try await target.stored(ref.id).first)
                    try await artifact.check(ref)
                }
                await #expect(throws: ButlerError.self) {
                    try await target.ingestZip(path, transfer: .copy, transferDimensions: true)
                }
            }
        }
    }

    @Test func anExportThatFailsAsItIsWrittenLeavesTheFileBefore() async throws {
        try await withSurvey { survey in
            let refs = Array(try await everything(survey).prefix(3))
            try await withTarget { _, folder in
                try await survey.export(to: folder, transfer: .direct) { try await $0.saveDatasets(refs) }
                let before = try Data(contentsOf: URL(fileURLWithPath: folder + "/export.yaml"))
                let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                let element = try survey.universe.requireElement("visit")
                let broken = DimensionRecord(
                    element: element,
                    values: element.columns.map { $0.type == .region ? .region(.init(bytes: [1, 2])) : .int(1) })
                await #expect(throws: (any Error).self) {
                    try await survey.export(to: folder, transfer: .direct) { export in
                        try export.saveDimensionData([broken])
                        try await export.saveDatasets(refs)
                    }
                }
                #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/export.yaml")) == before)
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == names)
            }
        }
    }

    @Test func datasetsThatAFailedCallWasToSaveAreNot() async throws {
        try await withSurvey { survey in
            let refs = try await everything(survey)
            try await withTarget { _, folder in
                let lost = DatasetRef(
                    id: DatasetID(high: 1, low: 1), datasetType: refs[0].datasetType, dataID: refs[0].dataID, run: refs[0].run)
                try await survey.export(to: folder, transfer: .copy) { export in
                    await #expect(throws: DatastoreError.self) { try await export.saveDatasets(refs + [lost]) }
                    #expect(export.datasetCount == 0)
                    try await export.saveDatasets([refs[0]])
                    #expect(export.datasetCount == 1)
                }
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/export.yaml")))
                let file = try ExportFile(yaml: YAMLSource(bytes))
                #expect(file.datasets.map(\.datasetCount) == [1] && file.datasetTypes.count == 1)
                #expect(file.collections.map(\.name) == [refs[0].run])
            }
        }
    }

    @Test func whatCannotBeExportedIsRefused() async throws {
        try await withSurvey { survey in
            try await withTarget { _, folder in
                await #expect(throws: ExportFileError.self) {
                    try await survey.export(to: folder, transfer: .move) { _ in }
                }
                await #expect(throws: ButlerError.self) {
                    try await survey.export(to: folder, transfer: .copy) { try await $0.saveCollection("nosuch") }
                }
                #expect(!FileManager.default.fileExists(atPath: folder + "/export.yaml"))
            }
        }
    }
}
