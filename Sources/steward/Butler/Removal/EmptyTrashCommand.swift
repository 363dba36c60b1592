import ArgumentParser
import Butler

/// `--keep-files`.
struct KeepFilesOption: ParsableArguments {
    @Flag(
        help: """
            Let the files wait in the trash for 'empty-trash', which can go by age. Rubin's own commands empty the whole \
            trash when they remove something.
            """)
    var keepFiles = false
}

struct EmptyTrashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "empty-trash",
        abstract: "Deletes the files of datasets that were removed with --keep-files.",
        discussion: """
            Without --older-than also those that other software has left in the trash. With --format json one line tells, \
            with the keys datasets, files, shared, failures and dry_run.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Only what has waited so long: a number with s, m, h or d, as in 30d.", valueName: "age"),
        transform: TrashAge.init(text:))
    var olderThan: TrashAge?

    @OptionGroup var confirmation: ConfirmOption
    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let isJSON = format.format == .json
        if isJSON, confirmation.confirm, !dryRun.isDryRun {
            throw CommandFailure.refused("--format json asks nothing; add --no-confirm, or --dry-run to look first.")
        }
        try await DirectButler.using(repository.repository, writeable: !dryRun.isDryRun) { opened in
            if dryRun.isDryRun || confirmation.confirm {
                let found = try await opened.emptyTrash(olderThan: olderThan?.duration, isDryRun: true)
                if isJSON { return try ResultLines.print(found.summary(isDryRun: true)) }
                try Self.print("\(found.datasets) dataset(s) are in the trash.")
                if dryRun.isDryRun || found.datasets == 0 { return }
                guard try Confirmation.ask("Delete their files?") else { return }
            }
            let meter = DeletionMeter(total: nil, isWanted: butler.progress)
            defer { meter.finish() }
            let deletion = try await opened.emptyTrash(
                olderThan: olderThan?.duration, progress: { meter.advance(by: $0) })
            meter.finish()
            if isJSON {
                try ResultLines.print(deletion.summary(isDryRun: false))
            } else {
                try Self.print("Deleted \(deletion.files) file(s) of \(deletion.datasets) dataset(s).")
            }
            guard deletion.failures.isEmpty else {
                throw CommandFailure.refused(
                    "\(deletion.failures.count) files could not be deleted and stay in the trash; see above.")
            }
        }
    }

    private static func print(_ line: String) throws {
        var output = CommandOutput()
        try output.line(line)
        try output.flush()
    }
}

/// A length of time such as `90s` or `30d`.
struct TrashAge {
    let duration: Duration

    init(text: String) throws {
        let seconds: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ seconds[$0] }), let number = Int(text.dropLast()),
            (0..<1_000_000).contains(number)
        else {
            throw ValidationError(
                "give a whole number from 0 to 999999 and s, m, h or d for seconds, minutes, hours or days, as in 30d")
        }
        duration = .seconds(number * unit)
    }
}
