import ButlerModel
import Database

/// The tables of a registry over one dimension universe. Source: repository format reference, sections 2 and 3.
package struct RegistrySchema: Sendable {
    let universe: DimensionUniverse
    /// The schema version of the dataset tables: before 2.0.0 the ingest date is text in UTC.
    let datasetsVersion: SchemaVersion
    /// How to read the records of each element, by position; made once because every lookup needs them.
    private(set) var elementQueries: [Int: ElementQuery] = [:]

    init(universe: DimensionUniverse, datasetsVersion: SchemaVersion = Manager.datasets.supportedVersions[0]) {
        self.universe = universe
        self.datasetsVersion = datasetsVersion
        for element in universe.elements where element.skypix == nil {
            elementQueries[element.position] = ElementQuery(element, schema: self)
        }
    }

    package var storesIngestDateAsText: Bool { datasetsVersion.major < 2 }

    // MARK: Columns that refer to dimensions

    /// A column that holds the key of a dimension, and the foreign key that goes with it, if the dimension has a
    /// table.
    func dimensionColumn(
        _ dimension: DimensionElement, isNullable: Bool = false
    ) -> (column: ColumnSpecification, foreignKey: ForeignKeySpecification?) {
        let type = dimension.primaryKey.map { Self.columnType($0.type) } ?? .int
        let column = ColumnSpecification(dimension.name, type, isNullable: isNullable)
        return (column, foreignKey(to: dimension))
    }

    private func foreignKey(to dimension: DimensionElement) -> ForeignKeySpecification? {
        guard dimension.hasOwnTable, let key = dimension.primaryKey else { return nil }
        let source = dimension.required.map { universe.elements[$0].name }
        return ForeignKeySpecification(
            source, references: dimension.name, source.dropLast() + [key.name], deletesCascade: false)
    }

    package static func columnType(_ type: ElementColumnType) -> ColumnType {
        switch type {
        case .int, .datetime: .int
        case .string(let length): .string(length: length)
        case .float: .double
        case .bool: .bool
        case .hash, .region: .bytes
        case .uuid: .uuid
        case .timespan: .timespan
        }
    }

    // MARK: Table names

    static func tagsTable(dimensionsKey: Int64) -> String { "dataset_tags_" + padded(dimensionsKey) }
    static func calibsTable(dimensionsKey: Int64) -> String { "dataset_calibs_" + padded(dimensionsKey) }

    private static func padded(_ key: Int64) -> String {
        let digits = String(key)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    static func summaryTable(_ governor: DimensionElement) -> String { "collection_summary_" + governor.name }
    package static func overlapTable(_ element: DimensionElement) -> String { element.name + "_skypix_overlap" }
    static func overlapSummaryTable(_ element: DimensionElement) -> String {
        element.name + "_skypix_overlap_summary"
    }

    /// The governor dimension of an element, which its overlap summaries are kept by.
    func governor(of element: DimensionElement) -> DimensionElement? {
        element.requiredSet.intersection(universe.governors).first(where: { _ in true }).map { universe.elements[$0] }
    }

    /// Spatial elements with a table, whose regions are entered into overlap tables.
    var spatialElements: [DimensionElement] {
        universe.elements.filter { $0.isSpatial && $0.hasOwnTable }
    }
}

/// Collects the parts of a table in the order in which the database should see them.
struct TableBuilder {
    let name: String
    private var columns: [ColumnSpecification] = []
    private var primaryKey: [String] = []
    private var unique: [[String]] = []
    private var foreignKeys: [ForeignKeySpecification] = []
    private var indexes: [[String]] = []

    init(_ name: String) { self.name = name }

    mutating func column(_ name: String, _ type: ColumnType, isNullable: Bool = false, defaultValue: SQLValue? = nil) {
        columns.append(
            ColumnSpecification(name, type, isNullable: isNullable, defaultValue: defaultValue))
    }

    mutating func key(_ name: String, _ type: ColumnType) {
        column(name, type)
        primaryKey.append(name)
    }

    mutating func dimension(_ parts: (column: ColumnSpecification, foreignKey: ForeignKeySpecification?), isKey: Bool) {
        columns.append(parts.column)
        if isKey { primaryKey.append(parts.column.name) }
        if let foreignKey = parts.foreignKey { foreignKeys.append(foreignKey) }
    }

    mutating func reference(_ table: String, _ source: [String], _ target: [String], cascades: Bool = false) {
        foreignKeys.append(
            ForeignKeySpecification(source, references: table, target, deletesCascade: cascades))
    }

    mutating func unique(_ columns: [String]) { unique.append(columns) }
    mutating func index(_ columns: [String]) { indexes.append(columns) }

    var table: TableSpecification {
        TableSpecification(
            name, columns: columns, primaryKey: primaryKey, unique: unique, foreignKeys: foreignKeys,
            indexes: indexes)
    }
}
