import ButlerModel
import QueryModel

/// What one column of a statement's rows holds.
enum ResultColumn: Hashable, Sendable {
    case key(Int)
    case field(element: Int, column: Int)
    /// Collections and runs are given by their key.
    case dataset(type: String, DatasetField)
    /// The union of the regions of several joined rows, as text.
    case regionUnion(element: Int)
    case overlapText(label: String)
    /// How many validity ranges match.
    case matchCount
}

/// The names of columns inside statements.
enum ColumnLabel {
    static func field(_ element: DimensionElement, _ index: Int) -> String {
        "\(element.name):\(element.columns[index].name)"
    }

    /// The regions of several rows as one text.
    static func regions(_ element: DimensionElement) -> String { "\(element.name):regions" }

    static func dataset(_ datasetType: String, _ field: String) -> String { "\(datasetType):\(field)" }
    static let matchCount = "match count"
    static let rank = "rank"
}

/// Where the columns of a statement's rows are.
struct RowLayout: Sendable {
    private(set) var columns: [ResultColumn] = []
    /// Keys that rows do not carry, with the element whose record, held in memory, gives them.
    let derivedKeys: [Int: DimensionElement]
    private var indices: [ResultColumn: Int] = [:]

    init(derivedKeys: [Int: DimensionElement] = [:]) { self.derivedKeys = derivedKeys }

    mutating func append(_ column: ResultColumn) {
        guard indices[column] == nil else { return }
        indices[column] = columns.count
        columns.append(column)
    }

    subscript(_ column: ResultColumn) -> Int? { indices[column] }

    /// - Throws: ``StatementError`` when the rows have no such column.
    func require(_ column: ResultColumn) throws -> Int {
        guard let index = indices[column] else { throw StatementError.missingColumn("\(column)") }
        return index
    }
}
