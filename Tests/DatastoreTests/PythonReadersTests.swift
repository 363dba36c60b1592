import ButlerModel
import Database
import FITS
import Foundation
import RepositoryConfiguration
import StructuredData
import Testing

@testable import Datastore

/// Writes into a repository that Python made, for Python to read. The environment variable `STEWARD_PYTHON_REPOSITORY` names a
/// writeable repository with a file `refs.json`: a list of `{ref, value}` of datasets that the registry knows and no datastore
/// holds.
@Suite struct PythonReadersTests {
    static let repository = ProcessInfo.processInfo.environment["STEWARD_PYTHON_REPOSITORY"]

    @Test(.enabled(if: repository != nil, "STEWARD_PYTHON_REPOSITORY names no repository"))
    func datasetsAreWrittenForPython() async throws {
        let folder = try #require(Self.repository)
        let list = try StructuredValue(json: try String(contentsOfFile: folder + "/refs.json", encoding: .utf8))
        let configuration = try await ButlerConfiguration.load(
            folder, environment: ConfigurationEnvironment(variables: [:]))
        guard case .direct(let direct) = configuration else { Issue.record("not a direct repository"); return }
        let universe = try TestData.universe()
        let datastore = try Datastores.open(
            try direct.datastore(), universe: universe, storageClasses: try direct.storageClasses())
        let database = try await SQLiteClient.open(.file(folder + "/gen3.sqlite3"), DatabaseOptions(access: .readWrite))
        for entry in list.arrayValue ?? [] {
            let document = try #require(entry["ref"])
            let ref = try DatasetRef(wire: DocumentReader(document, path: "ref"), universe: universe)
            let value: DatasetValue
            switch entry["kind"]?.stringValue {
            case "file": value = .opaque(try OpaqueDataset(localPath: try #require(entry["value"]?.stringValue)))
            case "fits": value = .fits(try FITSFile(contentsOf: try #require(entry["value"]?.stringValue)))
            default: value = .structured(try #require(entry["value"]))
            }
            let staged = try await datastore.stage(value, ref)
            try await database.write { connection in
                try staged.insertRecords(connection)
                try staged.publish()
            }
            let stored = try await database.read { try datastore.stored([ref.id], $0) }[ref.id] ?? []
            #expect(stored.count == 1)
            try await stored[0].check(ref)
        }
        try await database.close()
    }
}
