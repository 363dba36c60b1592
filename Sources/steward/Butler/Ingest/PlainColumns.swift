import ButlerModel

/// Where the values of a data ID are in the rows of a table that gives those of required dimensions, and nothing else.
struct PlainColumns: Sendable {
    private enum Source: Sendable {
        case column(Int)
        case fixed(String)
    }

    private let group: DimensionGroup
    private let sources: [(element: DimensionElement, source: Source)]

    /// - Parameters:
    ///   - columns: those after the first, which names the file.
    ///   - common: values for all rows, which count more.
    ///   - notes: columns that say nothing of the datasets.
    /// - Returns: `nil` when something else is given, or a value is missing.
    init?(_ columns: ArraySlice<String>, _ common: [(String, String)], ignoring notes: [String], of type: DatasetType) {
        group = type.dimensions
        var given: [String: Source] = [:]
        for index in columns.indices where !notes.contains(columns[index]) { given[columns[index]] = .column(index) }
        for (name, value) in common { given[name] = .fixed(value) }
        guard given.count == group.required.count else { return nil }
        var sources: [(element: DimensionElement, source: Source)] = []
        for position in group.required {
            let element = group.universe.elements[position]
            guard let source = given[element.name] else { return nil }
            sources.append((element, source))
        }
        self.sources = sources
    }

    /// Columns that are no dimensions of a type, where all of its dimensions have values: Python's software passes over
    /// them. Where one has none, they may say what its value is, such as the day and number of an exposure.
    static func notes(among columns: ArraySlice<String>, _ common: [(String, String)], of type: DatasetType) -> [String] {
        let given = Set(columns).union(common.map(\.0))
        guard given.isSuperset(of: type.dimensions.requiredNames) else { return [] }
        return columns.filter { name in
            !name.contains(".") && !type.dimensions.names.contains(name) && !common.contains { $0.0 == name }
        }
    }

    /// - Throws: ``CommandFailure`` for a value that is not of the dimension's type.
    func dataID(_ row: [String]) throws -> DataCoordinate {
        DataCoordinate(
            group: group,
            values: try sources.map { element, source in
                switch source {
                case .column(let index): try DimensionText.value(row[index], of: element)
                case .fixed(let text): try DimensionText.value(text, of: element)
                }
            })
    }
}

/// Text as the values that dimensions have.
enum DimensionText {
    /// - Throws: ``CommandFailure`` for a value that is not of its dimension's type.
    static func values(_ texts: [String: String], _ universe: DimensionUniverse) throws -> [String: DataIDValue] {
        try Dictionary(
            uniqueKeysWithValues: texts.map { name, text in
                (name, try universe.element(name).map { try value(text, of: $0) } ?? .string(text))
            })
    }

    static func value(_ text: String, of element: DimensionElement) throws -> DataIDValue {
        guard case .int? = element.primaryKey?.type else { return .string(text) }
        // Columns of numbers with decimals may hold whole ones.
        guard let number = Int64(text.hasSuffix(".0") ? text.dropLast(2) : text[...]) else {
            throw CommandFailure.refused(
                "Dimension '\(element.name)' needs a whole number below \(Int64.max), not '\(text)'.")
        }
        return .int(number)
    }
}
