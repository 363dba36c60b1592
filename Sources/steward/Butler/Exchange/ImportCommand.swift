import ArgumentParser
import Butler
import Datastore
import Synchronization

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Takes in what an export file describes.",
        discussion: """
            Dataset types, collections, dimension records, datasets, tags and validity ranges come in together, or not \
            at all. With --format json one line tells, with the keys datasets and dry_run.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "Directory with the export file and the files of the datasets.")
    var directory: String

    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("How files come into the repository.", valueName: "mode"))
    var transfer: ArtifactTransferMode = .auto

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The export file; a relative one is looked for in the directory, then in the current directory. "
                + "(default: export.yaml)", valueName: "file"))
    var exportFile: String?

    @Option(
        name: [.customShort("s", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Dimension elements whose records are left out, separated by commas.", valueName: "elements"))
    var skipDimensions: [String] = []

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Record the sizes of files, and checksums where the repository wants them.")
    var trackFileAttrs = true

    @OptionGroup var jobs: JobsOption
    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "import")
        let meter = Mutex<ProgressMeter?>(nil)
        let isShown = butler.progress
        defer { meter.withLock { $0?.finish() } }
        let count = try await DirectButler.using(repository.repository, writeable: !dryRun.isDryRun) { opened in
            try await opened.import(
                .init(
                    directory: directory, file: exportFile ?? ExportFile.defaultName, transfer: try transfer.intake(),
                    skippedElements: Set(CommaSeparated.values(skipDimensions)), recordsAttributes: trackFileAttrs,
                    jobs: jobs.jobs, isDryRun: dryRun.isDryRun)
            ) { count, total in
                meter.withLock { meter in
                    var shown = meter ?? ProgressMeter("Importing", total: total, isWanted: isShown)
                    shown.advance(by: count)
                    meter = shown
                }
            }
        }
        try log.info("\(dryRun.isDryRun ? "Would import" : "Imported") \(count) dataset(s)")
        if format.format == .json {
            try ResultLines.print(["datasets": .int(Int64(count)), "dry_run": .bool(dryRun.isDryRun)])
        }
    }
}

extension ArtifactTransferMode {
    /// The mode for files that come into a datastore.
    func intake() throws -> ArtifactTransfer {
        guard let transfer = ArtifactTransfer(rawValue: rawValue) else {
            throw CommandFailure.unsupported("Files cannot come into a repository with '\(rawValue)'.")
        }
        return transfer
    }
}
