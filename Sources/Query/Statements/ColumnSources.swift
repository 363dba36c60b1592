import ButlerModel
import Database
import QueryModel

/// The SQL expressions that the columns of rows have at one level of a statement.
struct ColumnSources {
    /// By position of the dimension.
    var keys: [Int: SQL] = [:]
    /// By position of the element and index of the column; no timespans.
    var fields: [Int: [Int: SQL]] = [:]
    /// By position of the element.
    var timespans: [Int: TimespanExpression] = [:]
    /// By name of the dataset type.
    var datasets: [String: DatasetSources] = [:]
    /// Texts of pairs of regions, by label.
    var overlapTexts: [String: SQL] = [:]
    /// Texts of several regions, by position of the element.
    var regionUnions: [Int: SQL] = [:]
    var matchCount: SQL?

    mutating func setField(_ element: DimensionElement, _ index: Int, alias: String, column: String) {
        if element.columns[index].role == .timespan {
            timespans[element.position] = .column(column, of: alias)
        } else {
            fields[element.position, default: [:]][index] = "\(column: column, of: alias)"
        }
    }

    func region(of element: DimensionElement) throws -> SQL {
        guard let index = element.regionColumn, let region = fields[element.position]?[index] else {
            throw StatementError.missingColumn("\(element).region")
        }
        return region
    }
}

/// The expressions of the fields of one dataset type.
struct DatasetSources {
    var id: SQL?
    /// The key of the collection in which the dataset was found.
    var collectionKey: SQL?
    /// The key of the dataset's run.
    var runKey: SQL?
    var ingestDate: SQL?
    var timespan: TimespanExpression?
    /// Names by key of all collections that can occur under `collectionKey`.
    var collectionNames: [(key: Int64, name: String)] = []
    /// Whether all of these are runs, so that run and collection are the same.
    var isRunSearch = false
}

/// A mistake of this code, not of a query: a stage reads a column that the one before does not give.
enum StatementError: Error, CustomStringConvertible {
    case missingColumn(String)

    var description: String {
        switch self {
        case .missingColumn(let name): "The plan of a query does not give its column '\(name)'; please report the query."
        }
    }
}
