import ArgumentParser
import Butler
import ButlerModel
import Foundation
import Registry
import TableRendering

struct ExportCalibsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export-calibs",
        abstract: "Exports calibrations with their validity ranges, to import them elsewhere.",
        discussion: """
            With --format json each line is an object with the keys dataset_type, run, id and data_id of a dataset that is \
            exported.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "Directory for the export; it must not exist.")
    var directory: String

    @Argument(
        help: "CALIBRATION collections and chains of them, as names or globs, separated by blanks or commas. (default: all)")
    var collections: [String] = []

    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types, as names or globs, separated by commas. (default: all)", valueName: "globs"))
    var datasetType: [String] = []

    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "How files come to the directory: auto and link make hard links where possible, so do not change the files.",
            valueName: "mode"))
    var transfer: ArtifactTransferMode = .auto

    @OptionGroup var jobs: JobsOption
    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "export-calibs")
        let opened = try await DirectButler.open(repository.repository)
        let typePatterns = CommaSeparated.values(datasetType)
        let patterns = CommaSeparated.values(collections)
        let search = CollectionSearch(
            patterns.isEmpty ? ["*"] : patterns, types: [.calibration, .chained], flattenChains: true,
            includeChains: true)
        let (infos, types) = try await opened.registry.read { snapshot in
            (
                try snapshot.collectionInfo(search),
                try snapshot.datasetTypes(matching: typePatterns.isEmpty ? ["*"] : typePatterns).found
                    .filter(\.isCalibration)
            )
        }
        var refs: [DatasetRef] = []
        for info in infos {
            try log.info("Checking collection: \(info.name)")
            guard info.type == .calibration else { continue }
            for type in types {
                refs += try await opened.queryDatasets(
                    type.name, collections: [info.name], findFirst: false, where: "", orderBy: [], limit: nil,
                    explain: false)
            }
        }
        var seen: Set<DatasetID> = []
        refs = refs.filter { seen.insert($0.id).inserted }.sorted {
            $0.datasetType.name == $1.datasetType.name
                ? $0.dataID < $1.dataID : $0.datasetType.name < $1.datasetType.name
        }
        guard !FileManager.default.fileExists(atPath: directory) else {
            throw CommandFailure.refused("The directory '\(directory)' exists already; name a new one.")
        }
        try log.info("\(dryRun.isDryRun ? "Would save" : "Saving") \(refs.count) dataset(s)")
        var meter = ProgressMeter("Exporting", total: refs.count, isWanted: butler.progress)
        do {
            let wanted = refs
            let mode = try transfer.intake()
            try await opened.export(
                to: directory, transfer: mode, jobs: jobs.jobs, isDryRun: dryRun.isDryRun
            ) { export in
                for info in infos { try await export.saveCollection(info.name) }
                try await export.saveDatasets(wanted) { meter.advance(bytes: 0) }
            }
            meter.finish()
        } catch {
            meter.finish()
            throw error
        }
        try show(refs)
    }

    private func show(_ refs: [DatasetRef]) throws {
        guard !refs.isEmpty else { return }
        if format.format == .json {
            var output = CommandOutput()
            for ref in refs { try output.line(DatasetRow(ref: ref, locations: nil).jsonLine) }
            return try output.flush()
        }
        let names = Set(refs.flatMap { $0.datasetType.dimensions.names }).sorted()
        var table = TextTable(columns: ["calibrationType", "run"] + names, alignment: .left)
        for ref in refs {
            table.append(
                [ref.datasetType.name, ref.run] + names.map { ref.dataID[$0]?.description ?? "" })
        }
        var output = CommandOutput()
        for line in table.lines() { try output.line(line) }
        try output.flush()
    }
}
