import ArgumentParser
import Butler
import ButlerModel
import StructuredData

struct RemoveDatasetTypeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-dataset-type",
        abstract: "Removes dataset types of which there are no datasets.",
        discussion: """
            Either all dataset types that match are removed or, when there are datasets of one of them, none.

            With --format json a line with the keys name and dry_run is printed for each.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: ArgumentHelp("Names or globs of dataset types.", valueName: "dataset-type-name"))
    var names: [String] = []

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "remove-dataset-type")
        let opened = try await DirectButler.open(repository.repository, writeable: !dryRun.isDryRun, forFiles: false)
        let removed = try await opened.removeDatasetTypes(names, isRehearsal: dryRun.isDryRun)
        for name in names where !removed.contains(where: NamePattern(name).matches) {
            try log.info("Dataset type '\(name)' not defined")
        }
        var output = CommandOutput()
        switch format.format {
        case .json:
            let objects = removed.map {
                ["name": .string($0), "dry_run": .bool(dryRun.isDryRun)] as StructuredMapping
            }
            try output.lines(ResultLines(json: objects).lines, headerCount: 0)
        case .table where dryRun.isDryRun:
            for name in removed { try output.line("Would remove dataset type '\(name)'.") }
        case .table:
            for name in removed { try log.info("Removed dataset type '\(name)'") }
        }
        try output.flush()
    }
}
