import ArgumentParser
import Butler
import StructuredData

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks for what is not as it should be in a repository, and mends it.",
        discussion: """
            Finds files without records, records without files, files of the wrong size or content, damaged archives, \
            deletions that were not finished, and missing rows that searches rely on. Without --repair nothing is changed. \
            A repair takes away nothing that could be all that is left of a dataset: files without records stay unless \
            --delete-unrecorded is given, too, and sizes and checksums as they are recorded unless --trust-files is. What it leaves alone, it gives a reason for. The status is 1 when something \
            remains that is wrong. \
            With --format json each line is an object with the keys kind, subject, detail and repaired.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Flag(help: "Mend what can be mended, after showing what is wrong and asking.")
    var repair = false

    @Flag(
        help: ArgumentHelp(
            "Also delete files without records, where a template puts files of a run that exists.",
            discussion: "A run that has registered datasets without files keeps all of its files, and nothing is deleted while "
                + "anything else is wrong. Outputs of a quantum graph that have not been transferred yet have no records."))
    var deleteUnrecorded = false

    @Flag(
        help: ArgumentHelp(
            "Also record size and checksum of files that are not what their records say, if they can be read.",
            discussion: "A file that is empty, that its formatter cannot read, or that is in an archive, is never trusted."))
    var trustFiles = false

    @OptionGroup var confirmation: ConfirmOption

    @Option(
        parsing: .unconditional,
        help: "Leave files alone that no row vouches for and that were changed less than so many minutes ago.")
    var minAge: Int64 = RepositoryCheck.usualAge / 60

    @Flag(help: "Read files whole and compare their checksums, where those are recorded, and unpack members of archives.")
    var checksums = false

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func validate() throws {
        guard (0...10_000_000).contains(minAge) else {
            throw ValidationError("--min-age takes minutes from 0 to 10000000.")
        }
        if repair, confirmation.confirm, format.format == .json {
            throw ValidationError("--repair with --format json cannot ask; add --no-confirm, or leave --format out.")
        }
    }

    func run() async throws {
        if repair, confirmation.confirm {
            guard try await repairIsWanted() else {
                try Self.print("Nothing was changed.")
                throw ExitCode.failure
            }
        }
        var (count, left) = (0, 0)
        try await check(repairs: repair) { fault in
            count += 1
            if !fault.isRepaired { left += 1 }
            try Self.show(fault, format.format)
        }
        if format.format == .table {
            try Self.print(count == 0 ? "Nothing is wrong." : "\(count) found, \(count - left) repaired, \(left) left.")
        }
        if left > 0 { throw ExitCode.failure }
    }

    private func check(repairs: Bool, _ body: (RepositoryFault) async throws -> Void) async throws {
        var meter: ProgressMeter?
        defer { meter?.finish() }
        let isWanted = butler.progress
        var options = RepositoryCheck.Options()
        options.checksums = checksums
        options.minimumAge = minAge * 60
        options.deletesUnrecorded = deleteUnrecorded
        options.trustsFiles = trustFiles
        try await DirectButler.using(repository.repository, writeable: repairs) { [options] opened in
            try await opened.check(
                repairs: repairs, options,
                progress: { more, total in
                    meter = meter ?? ProgressMeter("Checking", total: total, isWanted: isWanted)
                    meter?.advance(by: more)
                },
                { fault in
                    meter?.finish()
                    try await body(fault)
                })
        }
    }

    /// Shows what is wrong and what would be done, and asks. Nothing to be done is a yes.
    private func repairIsWanted() async throws -> Bool {
        var (rows, files, bytes) = (0, 0, Int64(0))
        try await check(repairs: false) { fault in
            switch fault.remedy {
            case .none: return
            case .rows: rows += 1
            case .deletion(let size):
                files += 1
                bytes += size
            }
            try Self.show(fault, .table)
        }
        guard rows + files > 0 else { return true }
        var parts: [String] = []
        if rows > 0 { parts.append("mend \(rows) of these in the database") }
        if files > 0 { parts.append("delete the files of \(files) of these, \(bytes) bytes") }
        return try Confirmation.ask("This will \(parts.joined(separator: ", and ")). Continue?")
    }

    private static func print(_ line: String) throws {
        var output = CommandOutput()
        try output.line(line)
        try output.flush()
    }

    private static func show(_ fault: RepositoryFault, _ format: OutputFormat) throws {
        switch format {
        case .json:
            let object: StructuredMapping = [
                "kind": .string(fault.kind.rawValue), "subject": .string(fault.subject),
                "detail": .string(fault.detail), "repaired": .bool(fault.isRepaired),
            ]
            try print(ResultLines(json: [object]).lines[0])
        case .table:
            try print("\(fault.kind.rawValue): \(fault.subject) (\(fault.detail))\(fault.isRepaired ? ", repaired" : "")")
        }
    }
}
