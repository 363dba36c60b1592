import ArgumentParser
import Butler
import RepositoryConfiguration
import StructuredData

struct CreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Makes an empty repository.",
        discussion: """
            With --format json one line tells, with the keys repository and configuration: the paths of the directory and of \
            the configuration file, and dry_run.
            """)

    @ParentCommand var butler: ButlerCommand

    @Argument(help: ArgumentHelp("Directory of the new repository; it is made if need be.", valueName: "repo"))
    var repository: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Configuration to start from, on top of the defaults: a YAML file.", valueName: "file"))
    var seedConfig: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Dimensions of the repository, instead of the built-in ones: a YAML file.", valueName: "file"))
    var dimensionConfig: String?

    @Flag(help: "Write all defaults into the repository's configuration, so that later defaults do not matter.")
    var standalone = false

    @Flag(help: "Let the seed configuration decide where database and files go, too.")
    var override = false

    @Option(
        name: [.customShort("f", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "Where to write the configuration. (default: butler.yaml in the repository)", valueName: "file"))
    var outfile: String?

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let environment = ConfigurationEnvironment.process
        var options = NewRepositoryConfiguration.Options(
            isStandalone: standalone, keepsSeedRoots: override, outfile: outfile)
        if let seedConfig {
            options.seed = try await ConfigurationDocument(path: seedConfig, environment: environment)
        }
        let made = try await DirectButler.create(
            repository,
            options: .init(configuration: options, dimensions: dimensionConfig, isDryRun: dryRun.isDryRun),
            environment: environment)
        if format.format == .json {
            try ResultLines.print([
                "repository": .string(made.root), "configuration": .string(made.configuration),
                "dry_run": .bool(dryRun.isDryRun),
            ])
        } else if dryRun.isDryRun {
            var output = CommandOutput()
            try output.line("Would make a repository in \(made.root), configured by \(made.configuration)")
            try output.flush()
        }
    }
}
