import ArgumentParser
import Felis
import FelisSite
import Foundation

struct FelisVOTableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "votable", abstract: "Writes the tables and columns of a schema as VOTable metadata.")

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Path or address of a schema file.", valueName: "uri"))
    var location: String

    @Flag(help: "Only columns with 'tap:principal: 1'.")
    var principal = false

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("File to write. (default: standard output)", valueName: "file"))
    var outputFile: String?

    func run() async throws {
        let schema = try await felis.schema(location)
        try FelisOutput.write(VOTableMetadata(isPrincipalOnly: principal).document(schema), to: outputFile)
    }
}

struct FelisDataLinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datalink-columns",
        abstract: "Writes the principal columns of all tables as data link services read them (YAML).")

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Paths or addresses of schema files.", valueName: "uri"))
    var locations: [String]

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("File to write. (default: standard output)", valueName: "file"))
    var outputFile: String?

    func run() async throws {
        var schemas: [Schema] = []
        for location in locations { schemas.append(try await felis.schema(location)) }
        try FelisOutput.write(VOTableMetadata.principalColumns(schemas), to: outputFile)
    }
}

struct FelisJSONSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "json-schema", abstract: "Writes the JSON Schema of the language, for editors.")

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("File to write. (default: standard output)", valueName: "file"))
    var outputFile: String?

    func run() throws { try FelisOutput.write(LanguageSchema.json, to: outputFile) }
}

struct FelisSiteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site", abstract: "Writes a browser for schemas: plain HTML files with a search.",
        discussion: "Files that end in .yaml of a directory are taken; those with errors are left out, with a message.")

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Schema files, or directories of them.", valueName: "path"))
    var locations: [String]

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("Directory of the site; it is made.", valueName: "directory"))
    var output: String

    func run() async throws {
        let log = try FelisLog(felis)
        let loader = try felis.loader()
        var pages: [(name: String, schema: Schema)] = []
        var names: Set<String> = ["index"]
        try await loader.load(try locations.flatMap(Self.files).map { SchemaLocation($0) }) { loaded in
            let location = loaded.location.text
            guard let schema = loaded.schema else {
                try log.write(.error, "Left out '\(location)', which has \(loaded.errorCount) errors.")
                return
            }
            let stem = location.split(separator: "/").last.map(String.init) ?? location
            var name = stem.hasSuffix(".yaml") ? String(stem.dropLast(5)) : stem
            while !names.insert(name).inserted { name += "_" }
            pages.append((name, schema))
        }
        guard !pages.isEmpty else { throw CommandFailure.refused("There is no schema without errors to show.") }
        do {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            for file in SchemaSite(pages).files() {
                try Data(file.content).write(to: URL(fileURLWithPath: "\(output)/\(file.name)"), options: .atomic)
            }
        } catch {
            throw CommandFailure.cannotWrite(output, reason: error.localizedDescription)
        }
        try log.write(.info, "Wrote \(pages.count) pages to \(output).")
    }

    private static func files(_ location: String) throws -> [String] {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: location, isDirectory: &isDirectory), isDirectory.boolValue else {
            return [location]
        }
        return try FileManager.default.contentsOfDirectory(atPath: location).filter { $0.hasSuffix(".yaml") }.sorted()
            .map { "\(location)/\($0)" }
    }
}
