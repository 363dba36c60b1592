import ArgumentParser
import Butler
import ButlerModel
import Datastore
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
        var found = SortedSpool<Calibration>()
        for info in infos {
            try log.info("Checking collection: \(info.name)")
            guard info.type == .calibration else { continue }
            for type in types {
                for try await page in opened.query.datasets(type.name, in: [info.name], findFirst: false).pages {
                    for ref in page { try found.append(Calibration(ref)) }
                }
            }
        }
        let calibrations = try Calibrations(found)
        guard !FileManager.default.fileExists(atPath: directory) else {
            throw CommandFailure.refused("The directory '\(directory)' exists already; name a new one.")
        }
        try log.info("\(dryRun.isDryRun ? "Would save" : "Saving") \(calibrations.count) dataset(s)")
        var meter = ProgressMeter("Exporting", total: calibrations.count, isWanted: butler.progress)
        do {
            let mode = try transfer.intake()
            try await opened.export(
                to: directory, transfer: mode, jobs: jobs.jobs, isDryRun: dryRun.isDryRun
            ) { export in
                for info in infos { try await export.saveCollection(info.name) }
                var sorted = calibrations.refs()
                try await export.saveDatasets(progress: { meter.advance(bytes: 0) }) { try sorted.page() }
            }
            meter.finish()
        } catch {
            meter.finish()
            throw error
        }
        try show(calibrations)
    }

    private func show(_ calibrations: Calibrations) throws {
        guard calibrations.count > 0 else { return }
        var output = CommandOutput()
        var refs = calibrations.refs()
        if format.format == .json {
            while let page = try refs.page() {
                for ref in page { try output.line(DatasetRow(ref: ref, locations: nil).jsonLine) }
            }
            return try output.flush()
        }
        let names = calibrations.dimensions.sorted()
        func cells(_ ref: DatasetRef) -> [String] {
            [ref.datasetType.name, ref.run] + names.map { ref.dataID[$0]?.description ?? "" }
        }
        var table = TextTableLayout(columns: ["calibrationType", "run"] + names, alignment: .left)
        while let page = try refs.page() { for ref in page { table.measure(cells(ref)) } }
        for line in table.header { try output.line(line) }
        refs = calibrations.refs()
        while let page = try refs.page() { for ref in page { try output.line(table.line(cells(ref))) } }
        try output.flush()
    }
}

/// A calibration that was found, in the order of what is shown.
private struct Calibration: SpooledItem {
    let ref: DatasetRef

    init(_ ref: DatasetRef) { self.ref = ref }

    static func < (a: Self, b: Self) -> Bool {
        a.ref.datasetType.name == b.ref.datasetType.name
            ? a.ref.dataID < b.ref.dataID : a.ref.datasetType.name < b.ref.datasetType.name
    }

    func write(to writer: inout PackedWriter, _ words: inout PackedWords) {
        words.write(ref, &writer)
        // Those of implied dimensions are shown, too.
        let implied = ref.dataID.values.dropFirst(ref.dataID.requiredValues.count)
        writer.write(implied.count)
        for value in implied { writer.write(value) }
    }

    init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
        let ref = try words.ref(&reader)
        var values = ref.dataID.values
        let count = try reader.int()
        guard [0, ref.dataID.group.keys.count - values.count].contains(count) else { throw PackedReader.Damage() }
        for _ in 0..<count { values.append(try reader.value()) }
        self.ref = ref.with(dataID: DataCoordinate(group: ref.dataID.group, values: values))
    }
}

/// Calibrations of any number, each once.
private struct Calibrations {
    let count: Int
    /// Names of all their dimensions.
    let dimensions: Set<String>
    private let sorted: SortedItems<Calibration>

    init(_ found: SortedSpool<Calibration>) throws {
        var found = found
        sorted = try found.sorted()
        var refs = Refs(sorted)
        var (count, dimensions) = (0, Set<String>())
        var latest: DatasetType?
        while let page = try refs.page() {
            count += page.count
            for ref in page where ref.datasetType != latest {
                latest = ref.datasetType
                dimensions.formUnion(ref.datasetType.dimensions.names)
            }
        }
        (self.count, self.dimensions) = (count, dimensions)
    }

    func refs() -> Refs { Refs(sorted) }

    struct Refs {
        private var sorted: SortedItems<Calibration>
        private var latest: DatasetRef?
        /// The identifiers of those with the data ID of the latest: a dataset can be in several collections.
        private var known: Set<DatasetID> = []

        init(_ sorted: SortedItems<Calibration>) { self.sorted = sorted }

        /// The next datasets; `nil` at the end.
        mutating func page() throws -> [DatasetRef]? {
            var page: [DatasetRef] = []
            while page.count < BatchSpool.batchSize, let ref = try sorted.next()?.ref {
                if latest.map({ $0.datasetType.name == ref.datasetType.name && $0.dataID == ref.dataID }) != true {
                    known = []
                }
                latest = ref
                if known.insert(ref.id).inserted { page.append(ref) }
            }
            return page.isEmpty ? nil : page
        }
    }
}
