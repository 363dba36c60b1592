import ArgumentParser
import Butler
import ButlerModel
import Registry

struct QueryCollectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query-collections",
        abstract: "Lists collections.",
        discussion: """
            With --format json each line is an object with the keys name, type, children and, where asked for, \
            parents (--chains inverse-…) and dataset_types (-t).
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: ArgumentHelp("Names or globs of the collections to list. (default: all)", valueName: "glob"))
    var globs: [String] = []

    @Option(
        name: .customLong("collection-type"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "List collections of this type only: RUN, TAGGED, CHAINED or CALIBRATION.", valueName: "type"))
    var types: [CollectionType] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How to show chains.",
            discussion: """
                TREE indents the members of a chain below it. INVERSE-TREE indents the chains that hold a \
                collection below it. TABLE has a column with the members of chains, INVERSE-TABLE one with the \
                chains that hold a collection. FLATTEN lists members in place of chains. NO-CHILDREN lists \
                collections and chains and nothing about members.
                """, valueName: "style"))
    var chains: ChainStyle = .tree

    @Flag(name: [.customShort("t"), .long], help: "Show which dataset types each collection may hold.")
    var showDatasetTypes = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Dataset types not to show, as names or globs, separated by commas.", valueName: "globs"))
    var excludeDatasetTypes: [String] = ["*_config,*_log,*_metadata,packages"]

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let patterns = CommaSeparated.values(globs)
        let wantedTypes = types.isEmpty ? Set(CollectionType.allCases) : Set(types)
        let excluded =
            showDatasetTypes ? CommaSeparated.values(excludeDatasetTypes).map(NamePattern.init) : nil
        let registry = try await DirectButler.open(repository.repository).registry
        let (style, format) = (chains, format.format)
        let lines = try await registry.read { snapshot -> ResultLines in
            let report = CollectionReport(snapshot: snapshot, style: style, excludedDatasetTypes: excluded)
            let found = try report.search(patterns, types: wantedTypes)
            switch format {
            case .json: return ResultLines(json: report.json(found))
            case .table: return ResultLines(try report.table(found))
            }
        }
        var output = CommandOutput()
        try output.lines(lines.lines, headerCount: lines.headerCount)
        try output.flush()
    }
}

extension CollectionType: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.description) }
    public var defaultValueDescription: String { description }
}

extension ChainStyle: ExpressibleByArgument {
    init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
