import Foundation
import RepositoryConfiguration
import StructuredData
import Testing

/// Configurations that the Python software tests itself with, kept outside the package.
private enum Shared {
    /// `$STEWARD_SHARED`, else `../shared` beside the package.
    static let directory: String = {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let shared =
            ProcessInfo.processInfo.environment["STEWARD_SHARED"]
            ?? package.deletingLastPathComponent().appending(path: "shared").path(percentEncoded: false)
        return shared + "/data/daf_butler/config"
    }()

    static let isPresent = FileManager.default.fileExists(atPath: directory)
    static let environment = ConfigurationEnvironment(
        variables: ["SPECIAL_BUTLER_DIR": directory + "/testConfigs/test3"], currentDirectory: "/")

    static func configuration(_ name: String) async throws -> DirectButlerConfiguration {
        try await ButlerConfiguration.loadDirect(directory + "/basic/" + name, environment)
    }
}

@Suite(.enabled(if: Shared.isPresent, "needs the shared configurations; set STEWARD_SHARED"))
struct SharedConfigurationTests {
    @Test(arguments: [
        ("butler.yaml", ["FileDatastore@<butlerRoot>/butler_test_repository"]),
        ("butler-chained.yaml", ["FileDatastore@<butlerRoot>/butler_test_repository", "SecondDatastore"]),
        ("butler-chained-posix.yaml", ["FirstDatastore", "SecondDatastore"]),
        ("butler-inmemory.yaml", []),
        ("butler-inmemory-chain.yaml", []),
        ("butler-remotetest-store.yaml", ["FileDatastore@remote-test://localhost/butlerRoot"]),
        ("butler-webdavstore.yaml", ["FileDatastore@http://anywebdavserver/butlerRoot"]),
        ("server.yaml", ["FileDatastore@s3://immutable-bucket/dc2", "FileDatastore@s3://mutable-bucket"]),
    ])
    func fileDatastoresAreNamedAsInPython(file: String, names: [String]) async throws {
        let configuration = try await Shared.configuration(file)
        #expect(try configuration.datastore().files.map(\.name) == names)
        #expect(try configuration.storageClasses()["StructuredCompositeReadComp"]?.components.count == 3)
    }

    @Test func aTemplateForOneInstrumentIsFound() async throws {
        let datastore = try #require(try await Shared.configuration("butler.yaml").datastore().files.first)
        func template(_ instrument: String?) -> String? {
            datastore.templates.match(
                LookupSubject(datasetType: "metric33", dimensions: ["visit"], storageClass: "X", instrument: instrument)
            )?.value
        }
        #expect(template("DummyCamComp")?.hasPrefix("{run:/}/{instrument}/{datasetType}") == true)
        #expect(template("DummyHSC") == nil)
        #expect(datastore.composites.disassembled[LookupKey(name: "dummyTrue")] == true)
        let parameters = datastore.formatters[LookupKey(name: "paramtest")]?.parameters
        #expect(parameters == ["max": 5, "min": 2, "comment": "Additional commentary", "recipe": "recipe1"])
    }

    @Test func includesMergeAsInPython() async throws {
        let plain = try await ConfigurationDocument(
            path: Shared.directory + "/testConfigs/configIncludes.yaml", environment: Shared.environment)
        #expect(
            plain.values == [
                "comp": [
                    "item1": "first", "item2": "hello", "item10": "tenth", "item11": "eleventh", "item50": 5000,
                ],
                "unrelated": 1,
                "addon": ["comp": ["item1": "posix", "item11": -1, "item50": 500]],
            ])
        let variable = try await ConfigurationDocument(
            path: Shared.directory + "/testConfigs/configIncludesEnv.yaml", environment: Shared.environment)
        #expect(variable.values["addon"] == ["comp": ["item1": "envvar", "item11": -1, "item50": 501]])
    }
}
