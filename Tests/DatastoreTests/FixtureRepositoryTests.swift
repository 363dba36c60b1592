import ButlerModel
import Crypto
import Database
import Foundation
import Parquet
import RepositoryConfiguration
import StructuredData
import Tables
import Testing

@testable import Datastore

/// Reads repositories that Python wrote. The environment variable `STEWARD_FIXTURES` names a directory with them and their
/// `manifest.json`.
@Suite struct FixtureRepositoryTests {
    static let fixtures = ProcessInfo.processInfo.environment["STEWARD_FIXTURES"]

    @Test(
        .enabled(if: fixtures != nil, "STEWARD_FIXTURES names no directory of repositories"),
        arguments: ["hsc-rc2", "custom"])
    func everyStoredDatasetOfAPythonRepositoryIsRead(_ name: String) async throws {
        let folder = try #require(Self.fixtures)
        let manifest = try StructuredValue(json: try String(contentsOfFile: folder + "/manifest.json", encoding: .utf8))
        let repository = try #require(manifest["repos"]?[name])
        let configuration = try await ButlerConfiguration.load(
            folder + "/" + name, environment: ConfigurationEnvironment(variables: [:]))
        guard case .direct(let direct) = configuration else { Issue.record("not a direct repository"); return }
        let universe = try TestData.universe()
        let datastore = try Datastores.open(
            try direct.datastore(), universe: universe, storageClasses: try direct.storageClasses())
        let database = try await SQLiteClient.open(
            .file("\(folder)/\(name)/gen3.sqlite3"), DatabaseOptions(access: .readOnly))
        let root = URL(fileURLWithPath: "\(folder)/\(name)").resolvingSymlinksInPath().path

        var counts = (datasets: 0, files: 0, values: 0, bytes: 0, composites: 0)
        for dataset in repository["datasets"]?.arrayValue ?? [] {
            let id = try #require(dataset["id"]?.stringValue.flatMap { DatasetID($0) })
            let stored = try await database.read { try datastore.stored([id], $0) }[id] ?? []
            guard dataset["stored"]?.boolValue == true else {
                #expect(stored.isEmpty)
                continue
            }
            counts.datasets += 1
            let type = try DatasetType(
                name: try #require(dataset["type"]?.stringValue), dimensions: universe.emptyGroup, storageClass: "int")
            let ref = DatasetRef(id: id, datasetType: type, dataID: .empty(in: universe), run: "r")
            let first = try #require(stored.first, "\(ref)")
            try await first.check(ref)
            var uris: [String: String] = [:]
            for (component, uri) in try first.locations() {
                uris[component] = uri.description.replacing("file://\(root)/", with: "").replacing(
                    "file://\(folder)/\(name)/", with: "")
            }
            let expected = dataset["uris"]?.objectValue?.pairs.map { ($0.key, $0.value.stringValue ?? "") } ?? []
            #expect(uris == Dictionary(uniqueKeysWithValues: expected))
            counts.files += uris.count

            if !ParquetFile.isAvailable, first.infos[0].path.hasSuffix(".parq") {
                await #expect(throws: DatastoreError.self) { try await datastore.read(ref, from: stored) }
                continue
            }
            let value = try await datastore.read(ref, from: stored)
            if let wanted = dataset["value"] {
                #expect(value.structured == wanted, "\(ref)")
                counts.values += 1
            } else if first.isDisassembled
                || value.structured?.objectValue != nil && first.infos[0].storageClass.hasPrefix("Fixture")
            {
                guard case .object(let members)? = value.structured else { Issue.record("\(ref): \(value)"); continue }
                #expect(Set(members.keys) == ["data", "output", "summary"])
                for component in members.keys {
                    #expect(
                        try await datastore.read(ref, from: stored, component: component).structured
                            == members[component])
                }
                counts.composites += 1
            } else {
                let path = try #require(uris[""])
                let file = try #require(repository["files"]?[path])
                let bytes: [UInt8]
                switch value {
                case .opaque(let opaque): bytes = try await opaque.bytes()
                case .text(let text): bytes = Array(text.utf8)
                case .structured:
                    #expect(["Packages", "ButlerLogRecords", "Timespan"].contains(first.infos[0].storageClass))
                    continue
                case .table(let table) where first.infos[0].path.hasSuffix(".ecsv"): bytes = try table.ecsv()
                case .table(let table):
                    let count = try await datastore.read(ref, from: stored, component: "rowcount")
                    #expect(table.rowCount > 0 && count.structured == .int(Int64(table.rowCount)))
                    continue
                default: Issue.record("\(ref): \(value)"); continue
                }
                #expect(Int64(bytes.count) == file["size"]?.intValue)
                #expect(
                    SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                        == file["sha256"]?.stringValue)
                counts.bytes += 1
            }
        }
        #expect(counts.datasets > 10)
        print("fixture \(name):", counts)
        try await database.close()
    }
}
