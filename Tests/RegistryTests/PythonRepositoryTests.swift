import ButlerModel
import Database
import DatabaseSupport
import Foundation
import Registry
import StructuredData
import Testing

/// Repositories that the Python software made, with a manifest of what is in them; `STEWARD_FIXTURES` names the
/// directory.
enum PythonFixtures {
    static let directory = ProcessInfo.processInfo.environment["STEWARD_FIXTURES"]
    static var names: [String] { ["empty", "hsc-rc2", "custom"] + (0..<8).map { "universe-\($0)" } }

    static func open(_ name: String) async throws -> Registry {
        let path = "\(directory ?? "")/\(name)/gen3.sqlite3"
        return try await Registry.open(
            database: try await SQLiteClient.open(.file(path), DatabaseOptions(access: .readOnly)), managers: [:])
    }

    static func manifest(_ name: String) throws -> StructuredValue {
        let path = "\(directory ?? "")/manifest.json"
        let document = try StructuredValue(
            json: Array(try Data(contentsOf: URL(fileURLWithPath: path))), options: [.allowNaN])
        return document["repos"]?[name] ?? .null
    }
}

@Suite(.enabled(if: PythonFixtures.directory != nil, "STEWARD_FIXTURES names no repositories made by Python"))
struct PythonRepositoryTests {
    @Test(.enabled(if: !TestDatabase.isPostgreSQL, "Interop/test_postgres.py compares those of PostgreSQL"))
    func aNewRegistryHasTheTablesThatPythonMakes() async throws {
        let made = try await TemporaryRegistry.make()
        func schema(_ registry: Registry) async throws -> Set<String> {
            try await registry.read { snapshot in
                Set(
                    try snapshot.connection.fetchAll("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL") { row in
                        try row.text(0).split(whereSeparator: \.isWhitespace).joined(separator: " ")
                            .replacingOccurrences(of: "( ", with: "(").replacingOccurrences(of: " )", with: ")")
                    })
            }
        }
        let ours = try await schema(made.registry)
        let theirs = try await schema(try await PythonFixtures.open("empty"))
        #expect(ours.subtracting(theirs).sorted() == [])
        #expect(theirs.subtracting(ours).sorted() == [])
    }

    @Test(arguments: PythonFixtures.names)
    func everyDatasetIsFoundByWhatItIs(repository: String) async throws {
        let registry = try await PythonFixtures.open(repository)
        let datasets = try PythonFixtures.manifest(repository)["datasets"]?.arrayValue ?? []
        #expect(repository == "empty" || !datasets.isEmpty)
        try await registry.read { snapshot in
            for dataset in datasets {
                let id = try #require(dataset["id"]?.stringValue.flatMap { DatasetID($0) })
                let run = try #require(dataset["run"]?.stringValue)
                let typeName = try #require(dataset["type"]?.stringValue)
                let ref = try #require(try snapshot.dataset(id))
                #expect(ref.run == run)
                #expect(ref.datasetType.name == typeName)
                let loose = try DataCoordinate.mapping(
                    wire: DocumentReader(dataset["data_id"] ?? .null, path: "data_id"))
                let found = try snapshot.findDataset(
                    ref.datasetType, dataID: loose, collections: [run], time: .none)
                #expect(found?.id == id)
            }
        }
    }

    @Test(arguments: PythonFixtures.names)
    func collectionsAndRecordsAreThoseOfTheManifest(repository: String) async throws {
        let registry = try await PythonFixtures.open(repository)
        let manifest = try PythonFixtures.manifest(repository)
        try await registry.read { snapshot in
            let collections = try snapshot.collectionInfo(CollectionSearch(includeDocumentation: true))
            let expected = manifest["collections"]?.objectValue ?? [:]
            #expect(Set(collections.map(\.name)) == Set(expected.keys))
            for collection in collections {
                let entry = expected[collection.name]
                #expect(entry?["type"]?.stringValue == collection.type.description)
                if let children = entry?["children"]?.arrayValue {
                    #expect(children.compactMap(\.stringValue) == collection.children)
                }
            }
            for (name, count) in manifest["dimension_records"]?.objectValue?.pairs ?? [] {
                let element = try snapshot.universe.requireElement(name)
                var found = 0
                try snapshot.records(of: element, matching: [:]) { record in
                    found += 1
                    if let region = record.region { _ = try region.decoded() }
                    return true
                }
                #expect(Int64(found) == count.intValue, "\(name)")
            }
        }
    }
}
