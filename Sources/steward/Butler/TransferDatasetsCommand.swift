import ArgumentParser
import Butler
import ButlerModel
import Datastore

struct TransferDatasetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer-datasets",
        abstract: "Brings datasets of one repository into another.",
        discussion: """
            All of them come, in one transaction, or none. With --format json one line tells, with the keys datasets, \
            left_out (those that no datastore of the source has) and dry_run.
            """)

    @ParentCommand var butler: ButlerCommand

    @Argument(help: "The repository that has the datasets.")
    var source: String

    @Argument(help: "The repository that gets them.")
    var dest: String

    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types, as names or globs, separated by commas. (default: all)", valueName: "globs"))
    var datasetType: [String] = []

    @OptionGroup var query: DatasetQueryOptions
    @OptionGroup var transfer: TransferOption

    @Flag(help: "Register dataset types that the target does not have.")
    var registerDatasetTypes = false

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Bring the dimension records of the datasets along, where the target has none.")
    var transferDimensions = true

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Tell how many datasets would be transferred, look what would keep them from it, and transfer none.")
    var dryRun = false

    @OptionGroup var jobs: JobsOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "transfer-datasets")
        let search = try DatasetQuery(datasetTypes: CommaSeparated.values(datasetType), options: query)
        let from = try await DirectButler.open(source)
        let to = try await DirectButler.open(dest, writeable: !dryRun)
        var total: Int?
        if ProgressMeter.isSeen(butler.progress) {
            var count = 0
            _ = try await search.visit(from) { count += $0.count }
            total = count
        }
        var meter = ProgressMeter("Transferring", total: total, isWanted: butler.progress)
        var outcome = DatasetQuery.Outcome()
        var moved = 0
        var leftOut = LeftOutDatasets()
        do {
            leftOut = try await to.transferFrom(
                from, transfer: transfer.transfer, registerDatasetTypes: registerDatasetTypes,
                transferDimensions: transferDimensions, jobs: jobs.jobs, isDryRun: dryRun
            ) { page in
                var batch: [DatasetRef] = []
                func send() async throws {
                    guard !batch.isEmpty else { return }
                    moved += try await page(batch).count
                    meter.advance(by: batch.count)
                    batch.removeAll(keepingCapacity: true)
                }
                outcome = try await search.visit(from) { refs in
                    batch += refs
                    if batch.count >= BatchSpool.batchSize { try await send() }
                }
                try await send()
            }
            meter.finish()
        } catch {
            meter.finish()
            try await to.close()
            throw error
        }
        try await to.close()
        try await from.close()
        if let remark = outcome.remark { try log.info(remark) }
        if outcome.isCut { try log.warning(search.cutWarning) }
        if format.format == .json {
            return try ResultLines.print([
                "datasets": .int(Int64(moved)), "left_out": .int(Int64(leftOut.count)), "dry_run": .bool(dryRun),
            ])
        }
        var output = CommandOutput()
        try output.line("Number of datasets transferred: \(moved)")
        try output.flush()
    }
}
