import ArgumentParser
import Butler
import ButlerModel
import ByteText
import Registry

struct RemoveRunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-runs",
        abstract: "Removes runs with all of their datasets.",
        discussion: """
            The runs go all at once or not at all; then their files are deleted. With --format json nothing is asked, so that \
            takes --no-confirm or --dry-run, and one line tells, with the keys runs, datasets, files, shared, failures and \
            dry_run.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "The runs: a name or glob.")
    var collection: String

    @OptionGroup var confirmation: ConfirmOption

    @Flag(help: "With --no-confirm, also remove runs that are in chains.")
    var force = false

    @OptionGroup var waiting: KeepFilesOption
    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    private struct Run {
        let name: String
        let parents: [String]
    }

    func run() async throws {
        if format.format == .json, confirmation.confirm, !dryRun.isDryRun {
            throw CommandFailure.refused("--format json asks nothing; add --no-confirm, or --dry-run to look first.")
        }
        try await DirectButler.using(repository.repository, writeable: !dryRun.isDryRun) { try await remove($0) }
    }

    private func remove(_ opened: DirectButler) async throws {
        let pattern = collection
        let (runs, counts) = try await opened.registry.read { snapshot in
            let found: [CollectionInfo]
            do {
                found = try snapshot.collectionInfo(
                    CollectionSearch([pattern], types: [.run], includeChains: false, includeParents: true))
            } catch let error as ButlerError where error.kind == .missingCollection {
                return ([(String, [String])](), [String: Int]())
            }
            let runs = found.map { ($0.name, ($0.parents ?? []).sortedTexts()) }
            return (runs, try snapshot.datasetCounts(inRuns: runs.map(\.0)))
        }
        let chosen = runs.map { Run(name: $0.0, parents: $0.1) }
        let isJSON = format.format == .json
        guard !chosen.isEmpty else {
            if isJSON { return try report(Deletion(), of: chosen) }
            return try Self.print(["No RUN collections were found."])
        }
        if dryRun.isDryRun {
            let deletion = try await opened.removeRuns(chosen.map(\.name), isDryRun: true)
            if isJSON { return try report(deletion, of: chosen) }
            return try Self.print(Self.report(chosen, counts, isDone: false))
        }
        if confirmation.confirm {
            try Self.print(Self.report(chosen, counts, isDone: false))
            guard try Confirmation.ask("Continue?") else { return try Self.print(["Aborted."]) }
        } else if !force, chosen.contains(where: { !$0.parents.isEmpty }) {
            try Self.print(
                [
                    "Removing runs that are in parent CHAINED collections requires confirmation. ",
                    "Try again without --no-confirm to confirm removal of RUN collections from parents, or add the "
                        + "--force flag to skip confirmation.",
                ]
                    + chosen.filter { !$0.parents.isEmpty }.map {
                        "\($0.name): must be unlinked from \(Self.quoted($0.parents))"
                    })
            throw ExitCode.failure
        }
        let meter = DeletionMeter(total: counts.values.reduce(0, +), isWanted: butler.progress)
        defer { meter.finish() }
        let deletion = try await opened.removeRuns(
            chosen.map(\.name), unlinkFromChains: true, keepsFiles: waiting.keepFiles,
            progress: { meter.advance(by: $0) })
        meter.finish()
        if isJSON {
            try report(deletion, of: chosen)
        } else {
            try Self.print(
                confirmation.confirm ? ["Removed collections"] : Self.report(chosen, counts, isDone: true))
        }
        guard deletion.failures.isEmpty else {
            throw CommandFailure.refused(
                "\(deletion.failures.count) files could not be deleted and stay in the trash; see above.")
        }
    }

    private func report(_ deletion: Deletion, of runs: [Run]) throws {
        var object = deletion.summary(isDryRun: dryRun.isDryRun)
        object["runs"] = .array(runs.map { .string($0.name) })
        try ResultLines.print(object)
    }

    private static func report(_ runs: [Run], _ counts: [String: Int], isDone: Bool) -> [String] {
        var lines = ["The following RUN collections \(isDone ? "were" : "will be") removed:"]
        for run in runs {
            let link = isDone ? "was removed and unlinked from" : "will be unlinked from"
            lines.append(run.parents.isEmpty ? run.name : "\(run.name): \(link) \(quoted(run.parents))")
        }
        lines += isDone ? ["The following datasets were removed:"] : ["", "The following datasets will be removed:"]
        lines.append(
            counts.sorted { $0.key < $1.key }.map { "\($0.key)(\($0.value))" }.joined(separator: ", "))
        lines.append("Total number of datasets to remove:  \(counts.values.reduce(0, +))")
        return lines
    }

    private static func quoted(_ names: [String]) -> String { names.map { "\"\($0)\"" }.joined(separator: ", ") }

    private static func print(_ lines: [String]) throws {
        var output = CommandOutput()
        for line in lines { try output.line(line) }
        try output.flush()
    }
}
