import ArgumentParser
import Butler
import ButlerModel
import Registry
import StructuredData
import Synchronization

struct PruneDatasetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune-datasets",
        abstract: "Removes datasets, their files, or their memberships in tags.",
        discussion: """
            What the registry holds changes all at once or not at all. Files that other datasets share stay. With --format \
            json nothing is asked, so that takes --no-confirm or --dry-run, and one line tells, with the keys datasets, files, \
            shared, failures and dry_run.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "Collections to search, in this order; globs need --find-all.")
    var collections: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types, as names or globs, separated by commas. (default: all)", valueName: "globs"))
    var datasets: [String] = []

    @Flag(help: "Remove datasets from all of the collections, not only the first dataset of each type and data ID.")
    var findAll = false

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Expression that the datasets must satisfy.", valueName: "expression"))
    var expression: String = ""

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("TAGGED collections to take the datasets out of. Not with --purge.", valueName: "tags"))
    var disassociate: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Remove the datasets altogether, files and all; a run, which is searched when no collections are given.",
            valueName: "run"))
    var purge: String?

    @Flag(help: "Delete the files of the datasets.")
    var unstore = false

    @OptionGroup var waiting: KeepFilesOption

    @Flag(help: "Show what would be removed, and remove nothing.")
    var dryRun = false

    @OptionGroup var confirmation: ConfirmOption

    @OptionGroup var format: FormatOption

    @Flag(help: "Print nothing and ask nothing. Not with --dry-run.")
    var quiet = false

    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let tags = CommaSeparated.values(disassociate)
        let searched = try searched(tags)
        try await DirectButler.using(repository.repository, writeable: !dryRun) { opened in
            try await prune(opened, tags, searched)
        }
    }

    private func prune(_ opened: DirectButler, _ tags: [String], _ searched: [String]) async throws {
        if let purge {
            let info = try await opened.registry.read { try $0.collectionInfo(CollectionSearch([purge])) }
            guard info.first?.type == .run else {
                throw CommandFailure.refused("Can not prune a collection that is not a RUN collection: \(purge)")
            }
        }
        let search = DatasetQuery(
            datasetTypes: CommaSeparated.values(datasets), collections: searched, expression: expression,
            findsFirst: !findAll)
        let log = CommandLog(try butler.logging.settings(), command: "prune-datasets")
        let isJSON = format.format == .json
        if quiet || isJSON, tags.isEmpty {
            // Nothing is shown, so nothing needs to be known of the datasets.
            let ids = try await identifiers(search, opened, log)
            return try report(
                try await shown(ids.count) {
                    try await opened.pruneDatasets(
                        ids: ids, purge: purge != nil, keepsFiles: waiting.keepFiles, isDryRun: dryRun, progress: $0)
                }, log)
        }
        var refs: [DatasetRef] = []
        var lines: [(lines: [String], headerCount: Int)] = []
        let outcome = try await search.run(opened) { type, found in
            refs += found
            for table in DatasetTable.tables(type.name, found.map { DatasetRow(ref: $0, locations: nil) }) {
                let text = table.lines(isOrdered: false)
                lines.append((text.lines, text.headerCount))
            }
        }
        if let remark = outcome.remark { try log.info(remark) }

        let leaves = !tags.isEmpty || purge != nil
        let deletes = unstore || purge != nil
        if isJSON || dryRun {
            // What would keep it from being done is said in a dry run, too.
            let deletion = try await opened.pruneDatasets(
                refs, unstore: deletes, purge: purge != nil, disassociate: leaves, tags: tags,
                keepsFiles: waiting.keepFiles, isDryRun: dryRun)
            if isJSON { return try report(deletion, log) }
        }
        if dryRun { return try Self.show(announcement(searched, tags), lines) }
        let asks = confirmation.confirm && !quiet
        if asks {
            guard !refs.isEmpty else { return try Self.show("Did not find any datasets.", nil) }
            try Self.show("The following datasets will be removed:", lines)
            guard try Confirmation.ask("Continue?") else {
                return try Self.show("Did not remove the datasets.", nil)
            }
        }
        let pruned = refs
        let deletion = try await shown(refs.count) {
            try await opened.pruneDatasets(
                pruned, unstore: deletes, purge: purge != nil, disassociate: leaves, tags: tags,
                keepsFiles: waiting.keepFiles, progress: $0)
        }
        if asks {
            try Self.show("The datasets were removed.", nil)
        } else if !quiet {
            try Self.show("Removed the following datasets:", lines)
        }
        try report(deletion, log)
    }

    private func identifiers(
        _ search: DatasetQuery, _ opened: DirectButler, _ log: CommandLog
    ) async throws -> [DatasetID] {
        // A run as a whole needs no search.
        if let purge, search.collections == [purge], datasets.isEmpty, expression.isEmpty {
            return try await opened.registry.read { snapshot in
                var ids: [DatasetID] = []
                try snapshot.datasetIDs(inRuns: [purge], piecesOf: 10_000) { ids += $0 }
                return ids
            }
        }
        var ids: [DatasetID] = []
        let outcome = try await search.visit(opened) { ids += $0.lazy.map(\.id) }
        if let remark = outcome.remark { try log.info(remark) }
        return ids
    }

    /// Runs a deletion, and shows how far it is.
    private func shown(
        _ count: Int, _ body: (@escaping @Sendable (Int) -> Void) async throws -> Deletion
    ) async throws -> Deletion {
        let meter = DeletionMeter(total: count, isWanted: butler.progress)
        defer { meter.finish() }
        return try await body { meter.advance(by: $0) }
    }

    private func report(_ deletion: Deletion, _ log: CommandLog) throws {
        if format.format == .json { try ResultLines.print(deletion.summary(isDryRun: dryRun)) }
        if deletion.sharedCount > 0 {
            try log.warning("\(deletion.sharedCount) file(s) stay, because other datasets are in them too.")
        }
        guard deletion.failures.isEmpty else {
            throw CommandFailure.refused(
                "\(deletion.failures.count) files could not be deleted and stay in the trash; see above.")
        }
    }

    /// The collections to search, once the options make sense together.
    private func searched(_ tags: [String]) throws -> [String] {
        if format.format == .json, confirmation.confirm, !quiet, !dryRun {
            throw CommandFailure.refused("--format json asks nothing; add --no-confirm, or --dry-run to look first.")
        }
        if quiet, dryRun { throw CommandFailure.refused("Can not use --quiet and --dry-run together.") }
        guard !tags.isEmpty || unstore || purge != nil else {
            throw CommandFailure.refused("No operation: one of --purge, --unstore, or --disassociate must be provided.")
        }
        guard tags.isEmpty || purge == nil else {
            throw CommandFailure.refused(
                "--disassociate and --purge may not be used together: --purge takes datasets out of all tags.")
        }
        let given = CommaSeparated.values(collections)
        if !given.isEmpty { return given }
        if let purge { return [purge] }
        guard !tags.isEmpty else {
            throw CommandFailure.refused(
                "Name the collections from which to prune datasets ('*' for all), a run with --purge, or tags with "
                    + "--disassociate.")
        }
        return tags
    }

    private func announcement(_ searched: [String], _ tags: [String]) -> String {
        let names = "(" + searched.map { "'\($0)'" }.joined(separator: ", ") + (searched.count == 1 ? ",)" : ")")
        let leaves = !tags.isEmpty || purge != nil
        return switch (leaves, unstore || purge != nil) {
        case (true, true):
            "The following datasets will be disassociated from \(names) if they are currently present in it (which is not "
                + "checked), and removed from any datastores in which they are present."
        case (true, false):
            "The following datasets will be disassociated from \(names) if they are currently present in it (which is not "
                + "checked):"
        default: "The following datasets will be removed from any datastores in which they are present:"
        }
    }

    private static func show(_ message: String, _ tables: [(lines: [String], headerCount: Int)]?) throws {
        var output = CommandOutput()
        try output.line(message)
        if let tables {
            for table in tables {
                try output.line()
                try output.lines(table.lines, headerCount: table.headerCount)
            }
            try output.line()
        }
        try output.flush()
    }
}

/// Shows how far a deletion is.
final class DeletionMeter: Sendable {
    private let meter: Mutex<ProgressMeter>

    init(total: Int?, isWanted: Bool?) {
        meter = Mutex(ProgressMeter("Deleting files of datasets", total: total, isWanted: isWanted))
    }

    func advance(by count: Int) { meter.withLock { $0.advance(by: count) } }
    func finish() { meter.withLock { $0.finish() } }
}

extension Deletion {
    func summary(isDryRun: Bool) -> StructuredMapping {
        [
            "datasets": .int(Int64(datasets)), "files": .int(Int64(files)), "shared": .int(Int64(sharedCount)),
            "failures": .array(failures.map { .string($0) }), "dry_run": .bool(isDryRun),
        ]
    }
}

extension DatasetQuery {
    /// All datasets of some types, none meaning all, in some collections.
    init(datasetTypes: [String], collections: [String], expression: String, findsFirst: Bool) {
        self.datasetTypes = datasetTypes.isEmpty ? ["*"] : datasetTypes
        self.collections = collections
        self.expression = expression
        self.findsFirst = findsFirst
        limit = ResultLimit(number: 0)
        order = []
    }
}
