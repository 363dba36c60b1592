import ArgumentParser
import Butler

struct ConfigValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config-validate",
        abstract: "Looks for errors in the configuration of a repository.",
        discussion: "Exits with 1 when there are any.")

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

    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "config-validate")
        let opened = try await DirectButler.open(repository.repository)
        let problems = try await opened.configurationProblems(
            datasetTypes: CommaSeparated.values(datasetType), ignored: Set(CommaSeparated.values(ignore)))
        guard problems.isEmpty else {
            if !quiet { for problem in problems { try log.critical(problem) } }
            throw ExitCode(1)
        }
        var output = CommandOutput()
        try output.line("No problems encountered with configuration.")
        try output.flush()
    }
}
