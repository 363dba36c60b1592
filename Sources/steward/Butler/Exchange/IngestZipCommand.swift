import ArgumentParser
import Butler
import Datastore

struct IngestZipCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest-zip",
        abstract: "Takes in the datasets of a zip archive.",
        discussion: """
            The archive is one that 'retrieve-artifacts --zip' made. It is kept as it is; all of its datasets come in, or \
            none.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "The archive.")
    var zip: String

    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("How the archive comes into the repository.", valueName: "mode"))
    var transfer: ArtifactTransferMode = .auto

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Insert dimension records of the archive that the repository lacks.")
    var transferDimensions = false

    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Make all checks, but change nothing.")
    var dryRun = false

    @OptionGroup var format: FormatOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "ingest-zip")
        let refs = try await DirectButler.using(repository.repository, writeable: !dryRun) { opened in
            try await opened.ingestZip(
                zip, transfer: try transfer.intake(), transferDimensions: transferDimensions, isDryRun: dryRun)
        }
        try log.info("\(dryRun ? "Would ingest" : "Ingested") \(refs.count) dataset(s)")
        if format.format == .json {
            try ResultLines.print(["datasets": .int(Int64(refs.count)), "dry_run": .bool(dryRun)])
        }
    }
}
