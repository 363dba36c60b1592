import ArgumentParser
import Butler
import StructuredData

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks for what is not as it should be in a repository, and mends it.",
        discussion: """
            Finds files without records, records without files, files of the wrong size or content, deletions that were \
            not finished, and missing rows that searches rely on. The status is 1 when something remains that is wrong. \
            With --format json each line is an object with the keys kind, subject, detail and repaired.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Flag(help: "Mend what can be mended, after showing what is wrong and asking.")
    var repair = false

    @OptionGroup var confirmation: ConfirmOption

    @Flag(help: "Read files whole and compare their checksums, where those are recorded.")
    var checksums = false

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        if repair, confirmation.confirm {
            guard try await repairIsWanted() else { throw ExitCode.failure }
        }
        let opened = try await DirectButler.open(repository.repository, writeable: repair)
        var (count, left) = (0, 0)
        try await opened.check(repairs: repair, checksums: checksums) { fault in
            count += 1
            if !fault.isRepaired { left += 1 }
            try Self.show(fault, format.format)
        }
        try await opened.close()
        if format.format == .table {
            var output = CommandOutput()
            try output.line(
                count == 0 ? "Nothing is wrong." : "\(count) found, \(count - left) repaired, \(left) left.")
            try output.flush()
        }
        if left > 0 { throw ExitCode.failure }
    }

    /// Shows what is wrong, and asks. Nothing wrong is a yes.
    private func repairIsWanted() async throws -> Bool {
        let opened = try await DirectButler.open(repository.repository)
        var count = 0
        try await opened.check(checksums: checksums) { fault in
            count += 1
            try Self.show(fault, format.format)
        }
        try await opened.close()
        return try count == 0 || Confirmation.ask("Repair what can be repaired of these \(count)?")
    }

    private static func show(_ fault: RepositoryFault, _ format: OutputFormat) throws {
        var output = CommandOutput()
        switch format {
        case .json:
            let object: StructuredMapping = [
                "kind": .string(fault.kind.rawValue), "subject": .string(fault.subject),
                "detail": .string(fault.detail), "repaired": .bool(fault.isRepaired),
            ]
            try output.line(ResultLines(json: [object]).lines[0])
        case .table:
            try output.line(
                "\(fault.kind.rawValue): \(fault.subject) (\(fault.detail))\(fault.isRepaired ? ", repaired" : "")")
        }
        try output.flush()
    }
}
