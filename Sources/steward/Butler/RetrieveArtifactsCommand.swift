import ArgumentParser
import Butler
import ButlerModel
import Datastore
import Foundation
import ObjectStorage
import StructuredData

struct RetrieveArtifactsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retrieve-artifacts",
        abstract: "Brings the files of datasets into a directory.",
        discussion: """
            With --format json each line is an object with the keys uri and, where it is recorded, size in bytes. With --dry-run \
            these are the files that would be brought.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "Directory for the files; one that does not exist yet is written with a final '/'.")
    var destination: String

    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types, as names or globs, separated by commas. (default: all)", valueName: "globs"))
    var datasetType: [String] = []

    @OptionGroup var query: DatasetQueryOptions

    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "How files come to the directory.",
            discussion: """
                auto and link make hard links where possible, so do not change the files; copy makes files of their \
                own. move and direct are refused.
                """, valueName: "mode"))
    var transfer: ArtifactTransferMode = .auto

    @Flag(name: .shortAndLong, help: "Print where each file is.")
    var verbose = false

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Keep the folders that files have below the datastore's root.")
    var preservePath = true

    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Replace files that are there already.")
    var clobber = false

    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Put the files into a zip archive in the directory.")
    var zip = false

    @OptionGroup var jobs: JobsOption
    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "retrieve-artifacts")
        let search = try DatasetQuery(datasetTypes: CommaSeparated.values(datasetType), options: query)
        let opened = try await DirectButler.open(repository.repository)
        var refs: [DatasetRef] = []
        let outcome = try await search.run(opened) { refs += $1 }
        if let remark = outcome.remark { try log.info(remark) }
        if outcome.isCut { try log.warning(search.cutWarning) }
        try log.info("Number of datasets matching query: \(refs.count)")
        var output = CommandOutput()
        guard !refs.isEmpty else {
            if format.format == .table { try output.line("No datasets matched query.") }
            try output.flush()
            return
        }

        let folder = try Self.folder(destination, isMade: zip)
        if zip { return try await archive(refs, opened, in: folder, &output) }
        var meter: ProgressMeter?
        let files: [DirectButler.RetrievedArtifact]
        do {
            files = try await opened.retrieveArtifacts(
                refs, to: folder, transfer: try transfer.transfer(), preservesPath: preservePath, overwrites: clobber,
                jobs: jobs.jobs, isDryRun: dryRun.isDryRun,
                begin: { meter = ProgressMeter("Retrieving", total: $0, isWanted: butler.progress) },
                progress: { meter?.advance(bytes: $0 ?? 0) })
            meter?.finish()
        } catch {
            meter?.finish()
            throw error
        }

        switch format.format {
        case .json:
            for file in files {
                var object: StructuredMapping = ["uri": .string(file.location.description)]
                if let size = file.size { object["size"] = .int(size) }
                try output.line(ResultLines(json: [object]).lines[0])
            }
        case .table:
            if verbose {
                try output.line("\(dryRun.isDryRun ? "Would transfer" : "Transferred") the following to \(destination):")
                for file in files { try output.line(file.location.description) }
                try output.line()
            }
            try output.line(
                "Number of artifacts \(dryRun.isDryRun ? "to retrieve" : "retrieved") into destination \(destination): "
                    + "\(files.count)")
        }
        try output.flush()
    }

    private func archive(
        _ refs: [DatasetRef], _ opened: DirectButler, in folder: ResourceURI, _ output: inout CommandOutput
    ) async throws {
        let location = try await opened.retrieveArtifactsZip(
            refs, to: folder, overwrites: clobber, isDryRun: dryRun.isDryRun)
        switch format.format {
        case .json: try output.line(ResultLines(json: [["uri": .string(location.description)]]).lines[0])
        case .table: try output.line("\(dryRun.isDryRun ? "Zip file would be" : "Zip file") written to \(location)")
        }
        try output.flush()
    }

    /// The directory that an argument names.
    ///
    /// - Parameter isMade: whether one that is missing is made in any case, as for archives by Rubin's software.
    private static func folder(_ argument: String, isMade: Bool) throws -> ResourceURI {
        if argument.contains("://") {
            let uri = try ResourceURI(argument)
            guard uri.localPath != nil else {
                throw CommandFailure.unsupported("Files can be brought to local directories only, not to \(argument).")
            }
            return uri.asDirectory
        }
        let current = FileManager.default.currentDirectoryPath
        let path = argument.hasPrefix("/") ? argument : current + "/" + argument
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        guard exists ? isDirectory.boolValue : isMade || argument.hasSuffix("/") else {
            throw CommandFailure.refused(
                exists
                    ? "The destination '\(argument)' is a file; give a directory."
                    : "The directory '\(argument)' does not exist; make it, or write '\(argument)/'.")
        }
        return try ResourceURI(localPath: path).asDirectory
    }
}

/// `--transfer`, with the modes of Rubin's software.
enum ArtifactTransferMode: String, CaseIterable, ExpressibleByArgument {
    case auto, link, symlink, hardlink, copy, move, relsymlink, direct

    init?(argument: String) { self.init(rawValue: argument.lowercased()) }

    func transfer() throws -> ArtifactRetrieval.Transfer {
        switch self {
        case .auto, .link: .link
        case .symlink: .symlink
        case .hardlink: .hardlink
        case .copy: .copy
        case .relsymlink: .relsymlink
        case .move: throw CommandFailure.refused("Files cannot be moved out of a datastore; use --transfer copy.")
        case .direct:
            throw CommandFailure.refused("--transfer direct brings no files anywhere; use copy, or query-datasets.")
        }
    }
}
