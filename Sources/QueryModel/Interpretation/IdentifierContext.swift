import ButlerModel

/// What names mean where an expression is used. Source: query system reference, section 1.5.
public struct IdentifierContext: Sendable {
    /// The dimensions among whose elements unqualified fields are looked for. Keys of other dimensions are understood too.
    public let dimensions: DimensionGroup
    /// The dataset types among which unqualified dataset fields are looked for.
    public let datasets: [String]
    /// Values by name. They come before columns of the same name.
    public let bind: [String: BindValue]

    public init(dimensions: DimensionGroup, datasets: [String] = [], bind: [String: BindValue] = [:]) {
        self.dimensions = dimensions
        self.datasets = datasets
        self.bind = bind
    }

    private var universe: DimensionUniverse { dimensions.universe }

    /// The column or value that a name of one to three terms stands for.
    /// - Throws: `ButlerError` of kind `invalidQuery` for names that are unknown or ambiguous.
    public func expression(_ terms: [String]) throws(ButlerError) -> ColumnExpression {
        let name = terms.joined(separator: ".")
        switch bind[name] {
        case .literal(let literal)?: return .literal(literal)
        case .list?:
            throw ButlerError(.invalidQuery, "'\(name)' is bound to a list, which can only be an item of IN.")
        case nil: break
        }
        switch terms.count {
        case 1: if let column = try column(named: terms[0]) { return .column(column) }
        case 2:
            if let column = try column(terms[0], terms[1]) { return .column(column) }
            if terms[0] == "timespan", let bound = Self.bound(terms[1]) {
                return try .bound(bound, of: try expression(["timespan"]))
            }
            if datasets.contains(terms[0]) {
                throw ButlerError(
                    .invalidQuery,
                    "Identifier '\(name)' references dataset type '\(terms[0])' but field '\(terms[1])' is not valid for "
                        + "datasets.")
            }
        case 3:
            if let bound = Self.bound(terms[2]) {
                return try .bound(bound, of: try expression(Array(terms.prefix(2))))
            }
        default: break
        }
        throw ButlerError(.invalidQuery, "Unrecognized identifier '\(name)'.\(suggestion(for: terms))")
    }

    /// The column or value that a dotted name stands for.
    func expression(named name: String) throws(ButlerError) -> ColumnExpression {
        try expression(name.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
    }

    private static func bound(_ term: String) -> TimespanBound? {
        switch term {
        case "begin": .begin
        case "end": .end
        default: nil
        }
    }

    /// A dimension, or a field that exactly one element or dataset type has.
    private func column(named name: String) throws(ButlerError) -> ColumnReference? {
        if let dimension = universe.element(name), dimension.isDimension { return .dimensionKey(dimension) }
        var matches: [(owner: String, column: ColumnReference)] = []
        for element in dimensions.elements {
            guard let index = element.columns.firstIndex(where: { $0.name == name }) else { continue }
            matches.append((element.name, column(index, of: element)))
        }
        if let field = DatasetField(rawValue: name) {
            matches += datasets.map { ($0, .datasetField(datasetType: $0, field)) }
        }
        guard matches.count > 1 else { return matches.first?.column }
        let list = matches.map { "'\($0.owner).\(name)'" }.sorted().joined(separator: ", ")
        throw ButlerError(.invalidQuery, "Ambiguous identifier '\(name)' matches multiple fields: \(list).")
    }

    /// The field of an element or dataset type; `nil` when the first term is neither.
    private func column(_ owner: String, _ field: String) throws(ButlerError) -> ColumnReference? {
        if let element = universe.element(owner) {
            guard let index = element.columns.firstIndex(where: { $0.name == field }) else {
                let known = element.columns.map(\.name).joined(separator: ", ")
                throw ButlerError(
                    .invalidQuery, "Unrecognized field '\(field)' for \(owner). Its fields are \(known).")
            }
            return column(index, of: element)
        }
        return DatasetField(rawValue: field).map { .datasetField(datasetType: owner, $0) }
    }

    /// A key column stands for its dimension.
    private func column(_ index: Int, of element: DimensionElement) -> ColumnReference {
        switch element.columns[index].role {
        case .required(let position) where position == element.position: return .dimensionKey(element)
        case .required(let position), .implied(let position):
            return .dimensionKey(universe.elements[position])
        case .alternateKey, .metadata, .region, .timespan: return .dimensionField(element, column: index)
        }
    }

    // MARK: Mistakes

    /// Names that look like the one given: other case, or one edit away.
    private func suggestion(for terms: [String]) -> String {
        let wanted = terms.joined(separator: ".")
        var names = universe.elements.filter(\.isDimension).map(\.name)
        for element in dimensions.elements {
            names += element.columns.map { terms.count == 1 ? $0.name : "\(element.name).\($0.name)" }
        }
        let near = Set(names.filter { wanted.isOneEdit(from: $0) }).sorted().prefix(3)
        return near.isEmpty ? "" : " Did you mean \(near.map { "'\($0)'" }.joined(separator: " or "))?"
    }
}

extension String {
    /// Whether the texts are equal but for case, or one character more, less or other.
    fileprivate func isOneEdit(from other: String) -> Bool {
        let (a, b) = (Array(lowercased().utf8), Array(other.lowercased().utf8))
        if a == b { return true }
        guard abs(a.count - b.count) <= 1 else { return false }
        let head = zip(a, b).prefix { $0 == $1 }.count
        let tail = zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.count
        return min(head + tail, min(a.count, b.count)) >= max(a.count, b.count) - 1
    }
}
