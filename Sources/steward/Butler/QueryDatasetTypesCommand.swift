import ArgumentParser
import Butler
import ButlerModel
import Registry
import StructuredData
import TableRendering

struct QueryDatasetTypesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query-dataset-types",
        abstract: "Lists dataset types.",
        discussion: """
            With --format json each line is an object with the keys name, dimensions, storage_class and \
            is_calibration.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: ArgumentHelp("Names or globs of the dataset types to list. (default: all)", valueName: "glob"))
    var globs: [String] = []

    @Flag(name: .shortAndLong, help: "Show dimensions and storage class too.")
    var verbose = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "List only dataset types that these collections may hold: names or globs, separated by commas.",
            valueName: "names"))
    var collections: [String] = []

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let patterns = CommaSeparated.values(globs)
        let collections = CommaSeparated.values(collections)
        let (isVerbose, format) = (verbose, format.format)
        let registry = try await DirectButler.open(repository.repository).registry
        let lines = try await registry.read { snapshot -> ResultLines in
            var types = try DatasetTypeSelection(patterns.isEmpty ? ["*"] : patterns, in: snapshot).found
            if !collections.isEmpty {
                let infos = try snapshot.collectionInfo(CollectionSearch(collections, includeSummary: true))
                let present = infos.reduce(into: Set<String>()) { $0.formUnion($1.datasetTypes ?? []) }
                types.removeAll { !present.contains($0.name) }
            }
            switch format {
            case .json: return ResultLines(json: types.map(Self.json))
            case .table: return types.isEmpty ? .nothingFound : ResultLines(Self.table(types, isVerbose: isVerbose))
            }
        }
        var output = CommandOutput()
        try output.lines(lines.lines, headerCount: lines.headerCount)
        try output.flush()
    }

    private static func table(_ types: [DatasetType], isVerbose: Bool) -> TextTable {
        var table = TextTable(
            columns: isVerbose ? ["name", "dimensions", "storage class"] : ["name"], alignment: .left)
        for type in types {
            guard isVerbose else {
                table.append([type.name])
                continue
            }
            let names = type.dimensions.names.map { "'\($0)'" }.joined(separator: ", ")
            table.append([type.name, "[\(names)]", type.storageClass])
        }
        return table
    }

    private static func json(_ type: DatasetType) -> StructuredMapping {
        [
            "name": .string(type.name),
            "dimensions": .array(type.dimensions.names.map { .string($0) }),
            "storage_class": .string(type.storageClass),
            "is_calibration": .bool(type.isCalibration),
        ]
    }
}

/// The dataset types that a user's names and globs mean. Text that can be no name is a name that does not exist.
struct DatasetTypeSelection {
    /// By name.
    let found: [DatasetType]
    let missing: [String]

    /// - Throws: `ButlerError` of kind `datasetTypeExpression` for a component.
    init(_ patterns: [String], in snapshot: RegistrySnapshot) throws {
        let legal = patterns.filter { text in
            if case .glob = NamePattern(text) { return true }
            return (try? DatasetType.checkName(text)) != nil
        }
        let selection = try snapshot.datasetTypes(matching: legal)
        found = selection.found
        missing = selection.missing + patterns.filter { !legal.contains($0) }
    }
}
