import ArgumentParser

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// Tables for people, byte for byte those of Rubin's `butler`.
    case table
    /// JSON lines for programs: one object a line, with the keys that each command's help lists.
    case json

    init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}

/// `--format`, an addition to Rubin's `butler`.
struct FormatOption: ParsableArguments {
    @Option(
        name: .customLong("format"), parsing: .unconditional,
        help: "Print tables for people, or JSON lines (one object a line) for programs.")
    var format: OutputFormat = .table
}

/// `REPO`, which all commands but `create` take alike.
struct RepositoryArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The repository: its directory or URL, its configuration file, or a label of the repository index.",
            valueName: "repo"))
    var repository: String
}

/// `-@`, which ``OptionsFile`` has already applied when a command runs.
struct OptionsFileOption: ParsableArguments {
    @Option(
        name: [.customLong("options-file"), .customShort("@")], parsing: .unconditional,
        help: ArgumentHelp(
            "Take options that are not given from a YAML file, from the mapping under this command's name.",
            valueName: "file"))
    var file: String?
}
