import ArgumentParser
import Felis

struct FelisDumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Writes a schema in its normal form, as YAML or JSON.")

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Path or address of a schema file.", valueName: "uri"))
    var location: String

    @Argument(help: ArgumentHelp("File to write; its name ends in .yaml or .json.", valueName: "file"))
    var output: String

    @Flag(name: .customLong("strip-ids"), inversion: .prefixedNo, exclusivity: .chooseLast, help: "Leave out the ids.")
    var stripsIDs = false

    @Flag(
        name: .customLong("dereference-resources"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Write the columns of other schemas instead of references to them.")
    var dereferences = false

    @Flag(name: .customLong("sort-columns"), inversion: .prefixedNo, exclusivity: .chooseLast, help: "Columns by name.")
    var sortsColumns = false

    func run() async throws {
        let isJSON = output.hasSuffix(".json")
        guard isJSON || output.hasSuffix(".yaml") else {
            throw CommandFailure.refused("The output should be a .yaml or .json file, found '\(output)'.")
        }
        let schema = try await felis.schema(location)
        let dump = SchemaDump(stripsIDs: stripsIDs, sortsColumns: sortsColumns, dereferences: dereferences)
        try FelisOutput.write(isJSON ? dump.json(schema) : dump.yaml(schema), to: output)
    }
}
