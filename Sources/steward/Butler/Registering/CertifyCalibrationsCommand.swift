import ArgumentParser
import AstroTime
import Butler
import ButlerModel
import Registry

struct CertifyCalibrationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certify-calibrations",
        abstract: "Makes calibrations valid during a time.",
        discussion: """
            Either all datasets are certified or, when another one of the same data ID is valid during a part of the \
            time, none.

            With --format json a line with the keys collection, count and dry_run is printed.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "Collection that holds the calibrations; of a chain its first member.")
    var inputCollection: String

    @Argument(help: "Calibration collection to certify them in; it is made if need be.")
    var outputCollection: String

    @Argument(help: "Their dataset type.")
    var datasetTypeName: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("When validity begins: an ISO 8601 date in TAI. (default: since ever)", valueName: "date"))
    var beginDate: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("When validity ends: an ISO 8601 date in TAI. (default: never)", valueName: "date"))
    var endDate: String?

    @Flag(help: "Search all members of an input collection that is a chain.")
    var searchAllInputs = false

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let timespan = try Timespan(
            begin: try beginDate.map { try Self.time($0, option: "--begin-date") },
            end: try endDate.map { try Self.time($0, option: "--end-date") })
        let opened = try await DirectButler.open(repository.repository, writeable: !dryRun.isDryRun, forFiles: false)
        let input = try await source(opened)
        let results = opened.query.datasets(datasetTypeName, in: [input])
        let refs = try await results.all()
        guard !refs.isEmpty else {
            let reasons = try await results.explainNoResults()
            throw CommandFailure.refused(
                (["No inputs found for dataset \(datasetTypeName) in \(input)."] + reasons).joined(separator: " "))
        }
        let output = outputCollection
        if dryRun.isDryRun {
            try await opened.registry.read { try $0.foreseeCertification(of: refs, in: output, timespan: timespan) }
        } else {
            try await opened.transaction { transaction in
                try transaction.registry.registerCollection(output, type: .calibration)
                try transaction.registry.certify(refs, in: output, timespan: timespan)
            }
        }
        try report(refs.count)
    }

    /// The collection to search.
    private func source(_ opened: DirectButler) async throws -> String {
        let info = try await opened.collections.info(inputCollection)
        guard info.type == .chained, !searchAllInputs else { return info.name }
        guard let first = info.children.first else {
            throw CommandFailure.refused("The chain '\(inputCollection)' has no members to search.")
        }
        return first
    }

    private func report(_ count: Int) throws {
        var output = CommandOutput()
        switch format.format {
        case .json:
            try output.lines(
                ResultLines(json: [
                    [
                        "collection": .string(outputCollection), "count": .int(Int64(count)),
                        "dry_run": .bool(dryRun.isDryRun),
                    ]
                ]).lines, headerCount: 0)
        case .table where dryRun.isDryRun:
            try output.line("Number of datasets that would be certified in '\(outputCollection)': \(count)")
        case .table: break
        }
        try output.flush()
    }

    /// A calendar date, or a year with the day in it, in TAI.
    private static func time(_ text: String, option: String) throws -> TAINanoseconds {
        let literal = text.contains("/") || text.contains("+00:00") ? nil : try? TimeLiteral("\(text)/tai")
        guard let literal, [.iso, .isot, .fits, .yday].contains(literal.format) else {
            throw CommandFailure.refused(
                "'\(text)' of \(option) is no date; write it as in 2026-01-31 or 2026-01-31T12:00:00, in TAI.")
        }
        return literal.time
    }
}
