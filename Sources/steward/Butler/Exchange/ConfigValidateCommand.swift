import ArgumentParser
import Butler
import StructuredData

struct ConfigValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config-validate",
        abstract: "Looks for errors in the configuration of a repository.",
        discussion: """
            Exits with 1 when there are any. With --format json one line tells, with the keys valid and, unless --quiet is \
            given, problems.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Flag(name: .shortAndLong, help: "Do not tell what the errors are.")
    var quiet = false

    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types to look at, separated by commas. (default: all)", valueName: "names"))
    var datasetType: [String] = []

    @Option(
        name: [.customShort("i", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types and keys to pass over, separated by commas.", valueName: "names"))
    var ignore: [String] = []

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "config-validate")
        let opened = try await DirectButler.open(repository.repository)
        let problems = try await opened.configurationProblems(
            datasetTypes: CommaSeparated.values(datasetType), ignored: Set(CommaSeparated.values(ignore)))
        if format.format == .json {
            var object: StructuredMapping = ["valid": .bool(problems.isEmpty)]
            if !quiet { object["problems"] = .array(problems.map { .string($0) }) }
            try ResultLines.print(object)
            if !problems.isEmpty { throw ExitCode(1) }
            return
        }
        guard problems.isEmpty else {
            if !quiet { for problem in problems { try log.critical(problem) } }
            throw ExitCode(1)
        }
        var output = CommandOutput()
        try output.line("No problems encountered with configuration.")
        try output.flush()
    }
}
