import ArgumentParser
import Butler
import ButlerModel

struct RegisterDatasetTypeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register-dataset-type",
        abstract: "Makes a dataset type known.",
        discussion: """
            Components such as 'calexp.wcs' come with the dataset type of the whole and are not registered.

            With --format json a line with the keys name, is_new and dry_run is printed.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: ArgumentHelp("Name of the dataset type.", valueName: "dataset-type"))
    var datasetType: String

    @Argument(help: ArgumentHelp("Name of its storage class.", valueName: "storage-class"))
    var storageClass: String

    @Argument(
        help: ArgumentHelp(
            "Its dimensions; those that they require or imply need not be named.", valueName: "dimensions"))
    var dimensions: [String] = []

    @Flag(
        name: .customLong("is-calibration"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Whether its datasets can be in calibration collections.")
    var isCalibration = false

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption

    func run() async throws {
        guard DatasetType.split(datasetType).component == nil else {
            throw ButlerError(
                .datasetTypeExpression,
                "'\(datasetType)' names a component; components come with their parent, so register that.")
        }
        let opened = try await DirectButler.open(repository.repository, writeable: !dryRun.isDryRun, forFiles: false)
        let type = try DatasetType(
            name: datasetType, dimensions: try opened.universe.group(dimensions), storageClass: storageClass,
            isCalibration: isCalibration)
        let isNew = try await opened.register(type, isRehearsal: dryRun.isDryRun)
        var output = CommandOutput()
        switch format.format {
        case .json:
            try output.lines(
                ResultLines(json: [
                    ["name": .string(datasetType), "is_new": .bool(isNew), "dry_run": .bool(dryRun.isDryRun)]
                ]).lines, headerCount: 0)
        case .table where !isNew: try output.line("Dataset type already existed in identical form.")
        case .table:
            try output.line(
                dryRun.isDryRun ? "Dataset type would be registered." : "Dataset type successfully registered.")
        }
        try output.flush()
    }
}
