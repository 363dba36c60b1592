import ArgumentParser
import Butler
import ButlerModel
import Datastore
import Foundation
import ObjectStorage
import Registry
import Synchronization

struct IngestFilesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest-files",
        abstract: "Makes datasets of one type out of files that a table lists.",
        discussion: """
            The first column of the table holds paths or URIs, the others dimensions. A file in several rows holds several \
            datasets. All of them are ingested, in one transaction, or none. With --format json one line tells, with the keys \
            datasets, files and dry_run.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "The dataset type, which must exist.")
    var datasetType: String

    @Argument(help: ArgumentHelp("The run for the datasets, made if need be.", valueName: "run"))
    var runName: String

    @Argument(help: "The table: CSV, ECSV, text in columns, FITS, Parquet or VOTable.")
    var tableFile: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Python class that reads the files. (default: as configured for the dataset type)", valueName: "class"))
    var formatter: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How identifiers are made: unique, dataid_type or dataid_type_run.", valueName: "mode"))
    var idGenerationMode: IDGenerationMode = .unique

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Dimension and value for all files, instead of a column; several with commas.", valueName: "key=value"))
    var dataId: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Folder of relative paths in the table. (default: the current one)", valueName: "folder"))
    var prefix: String?

    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Record sizes, and checksums as configured.")
    var trackFileAttrs = true

    @OptionGroup var transfer: TransferOption
    @OptionGroup var jobs: JobsOption
    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let table = try ListedTable(path: tableFile)
        let common = try commonValues()
        let opened = try await DirectButler.open(repository.repository, writeable: !dryRun.isDryRun)
        do {
            try await ingest(table, common, opened)
        } catch {
            try await opened.close()
            throw error
        }
        try await opened.close()
    }

    private func ingest(_ table: ListedTable, _ common: [(String, String)], _ opened: DirectButler) async throws {
        let log = CommandLog(try butler.logging.settings(), command: "ingest-files")
        if let formatter {
            guard StoredFileInfo.isClassName(formatter) else {
                throw CommandFailure.refused("--formatter needs the full name of a Python class, not '\(formatter)'.")
            }
            if try !opened.datastore().knowsFormatter(formatter) {
                try log.warning(
                    "'\(formatter)' is not known here nor configured; readers need a Python class of that name.")
            }
        }
        let folder = try folder()
        let survey = try TableSurvey(table)
        let (name, run, mode, formatter) = (datasetType, runName, idGenerationMode.choice, formatter)
        let type = try await opened.registry.read { try $0.datasetType(name) }
        let notes = PlainColumns.notes(among: table.columns.dropFirst(), common, of: type)
        let unknown = notes.filter { type.dimensions.universe.element($0)?.isDimension != true }
        if !unknown.isEmpty {
            try log.warning(
                "What the table says of '\(unknown.joined(separator: "', '"))' is ignored: no dimension is called so.")
        }
        let milliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
        // What a row of the table says: a file, and a dataset in it.
        let read: @Sendable ([String], DatasetType, PlainColumns?, RegistrySnapshot) throws -> FileIngest = {
            row, type, plain, snapshot in
            let dataID: DataCoordinate
            if let plain {
                dataID = try plain.dataID(row)
            } else {
                var values = Dictionary(zip(table.columns, row).dropFirst(), uniquingKeysWith: { _, last in last })
                values.merge(common) { _, given in given }
                for note in notes { values[note] = nil }
                dataID = try snapshot.standardizeNew(
                    try DimensionText.values(values, snapshot.universe), for: type)
            }
            let ref = DatasetRef(
                id: mode.identifier(of: type, run: run, dataID: dataID, unixMilliseconds: milliseconds),
                datasetType: type, dataID: dataID, run: run)
            return FileIngest(location: try folder.join(row[0]), datasets: [ref], formatter: formatter)
        }
        try log.info("\(dryRun.isDryRun ? "Would ingest" : "Ingesting") \(survey.rowCount) dataset ref(s) from \(survey.fileCount) file(s)")
        guard survey.rowCount > 0 else {
            if !dryRun.isDryRun { try await opened.collections.register(run) }
            return try report(survey)
        }
        var transfers = FileTransfers.all(transfer.transfer)
        if transfer.transfer == .auto {
            let first = try await opened.registry.read { snapshot in
                var rows = table.rows
                return try rows.next().map { try read($0, type, nil, snapshot).datasets } ?? []
            }
            transfers = try opened.datastore().automaticTransfer(of: first) { visit in
                var rows = table.rows
                while let row = try rows.next(), try visit(try folder.join(row[0])) {}
            }
        }
        let meter = Mutex(ProgressMeter("Ingesting", total: survey.fileCount, isWanted: butler.progress))
        defer { meter.withLock { $0.finish() } }
        try await opened.ingest(
            from: TableFiles(table, isGrouped: survey.isGrouped), transfer: transfers, recordsAttributes: trackFileAttrs,
            jobs: jobs.jobs, isDryRun: dryRun.isDryRun, progress: { count in meter.withLock { $0.advance(by: count) } }
        ) { files, snapshot in
            let type = try snapshot.datasetType(name)
            let plain = PlainColumns(table.columns.dropFirst(), common, ignoring: notes, of: type)
            return try files.next(BatchSpool.batchSize) { try read($0, type, plain, snapshot) }
        }
        try report(survey)
    }

    private func report(_ survey: TableSurvey) throws {
        guard format.format == .json else { return }
        try ResultLines.print([
            "datasets": .int(Int64(survey.rowCount)), "files": .int(Int64(survey.fileCount)),
            "dry_run": .bool(dryRun.isDryRun),
        ])
    }

    private func commonValues() throws -> [(String, String)] {
        try CommaSeparated.values(dataId).map { text in
            let parts = text.unicodeScalars.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw CommandFailure.refused("--data-id needs a dimension and a value, as in detector=5, not '\(text)'.")
            }
            return (String(parts[0]), String(parts[1]))
        }
    }

    private func folder() throws -> ResourceURI {
        let current = FileManager.default.currentDirectoryPath
        guard let prefix, !prefix.isEmpty else { return try ResourceURI(localPath: current).asDirectory }
        let uri = try ResourceURI(prefix)
        return uri.isAbsolute ? uri.asDirectory : try ResourceURI(localPath: current + "/" + prefix).asDirectory
    }
}

/// `--id-generation-mode`.
enum IDGenerationMode: String, CaseIterable, ExpressibleByArgument {
    case unique
    case dataIDAndType = "dataid_type"
    case dataIDTypeAndRun = "dataid_type_run"

    init?(argument: String) { self.init(rawValue: argument.lowercased()) }

    var choice: DatasetIDChoice {
        switch self {
        case .unique: .unique
        case .dataIDAndType: .dataID
        case .dataIDTypeAndRun: .dataIDAndRun
        }
    }
}
