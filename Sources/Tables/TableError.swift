import StructuredData

/// What can be wrong with a table or its file. Each text names the column, line or file.
public enum TableError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A column whose parts do not fit each other or the table.
    case invalidColumn(name: String, reason: String)
    case duplicateColumn(name: String)
    /// No column has this name or matches this pattern.
    case unknownColumn(name: String, known: [String])
    /// A condition that a column cannot be put under.
    case invalidFilter(column: String, reason: String)
    /// Text that is not ECSV. The line counts from 1.
    case malformedECSV(line: Int, reason: String)
    /// Something that ECSV cannot express.
    case unwritableECSV(column: String, reason: String)
    /// A document that is no usable VOTable. The line counts from 1.
    case malformedVOTable(line: Int, reason: String)
    /// A file that is not Parquet or is damaged.
    case malformedParquet(file: String, reason: String)
    case unwritableParquet(file: String, reason: String)
    /// A column of a type that a table does not hold.
    case unsupportedType(column: String, type: String)
    /// There is no Apache Arrow: this build has none, or the library that has it cannot be loaded for this reason.
    case withoutParquet(problem: String?)

    public var description: String {
        switch self {
        case .invalidColumn(let name, let reason): "table column '\(name)' is not usable: \(reason)"
        case .duplicateColumn(let name): "two columns of the table are called '\(name)'; rename one"
        case .unknownColumn(let name, let known):
            "the table has no column '\(name)'; it has " + Self.listed(known)
        case .invalidFilter(let column, let reason): "column '\(column)' cannot be filtered: \(reason)"
        case .malformedECSV(let line, let reason): "not a usable ECSV table, line \(line): \(reason)"
        case .unwritableECSV(let column, let reason): "column '\(column)' cannot be written as ECSV: \(reason)"
        case .malformedVOTable(let line, let reason): "not a usable VOTable, line \(line): \(reason)"
        case .malformedParquet(let file, let reason): "'\(file)' is not a usable Parquet file: \(reason)"
        case .unwritableParquet(let file, let reason): "'\(file)' cannot be written as Parquet: \(reason)"
        case .unsupportedType(let column, let type):
            "column '\(column)' has the type \(type), which Steward's tables do not hold; read other columns with the "
                + "parameter 'columns'"
        case .withoutParquet(let problem?):
            "Apache Arrow, which reads and writes Parquet, cannot be loaded: \(problem); 'swift build --product StewardArrow' "
                + "makes the library, which belongs beside the program"
        case .withoutParquet(nil):
            "this build of Steward was made without Apache Arrow and cannot read or write Parquet; install it (pip install "
                + "pyarrow brings it), set STEWARD_ARROW to its folder and build again"
        }
    }

    private static func listed(_ names: [String]) -> String {
        guard !names.isEmpty else { return "none" }
        let shown = names.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
        return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
    }
}
