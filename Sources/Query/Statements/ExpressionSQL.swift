import AstroTime
import ButlerModel
import Database
import QueryModel
import Registry

/// Spells column expressions and predicates over the columns of a level.
struct ExpressionSQL {
    let sources: ColumnSources
    let storesIngestDateAsText: Bool
    /// Spells `IN (query)`.
    let membership: (ColumnReference, QueryTree) throws -> SQL

    // MARK: Values

    func scalar(_ expression: ColumnExpression) throws -> SQL {
        switch expression {
        case .literal(let literal): return try value(literal)
        case .column(let column): return try scalar(column)
        case .negated(let operand): return "-(\(try scalar(operand)))"
        case .bound(let bound, let operand):
            let span = try timespan(operand)
            return "COALESCE(\(bound == .begin ? span.begin : span.end), 0)"
        case .arithmetic(let operation, let a, let b):
            let (left, right) = (try scalar(a), try scalar(b))
            switch operation {
            case .add: return "(\(left) + \(right))"
            case .subtract: return "(\(left) - \(right))"
            case .multiply: return "(\(left) * \(right))"
            case .divide: return "(\(SQL.quotient(left, right)))"
            case .remainder: return "(\(SQL.remainder(left, right)))"
            }
        }
    }

    private func value(_ literal: QueryLiteral) throws -> SQL {
        switch literal {
        case .int(let number): "\(value: number)"
        case .string(let text): "\(value: text)"
        case .float(let number): "\(value: number)"
        case .hash(let bytes): "\(value: SQLValue.bytes(bytes))"
        case .uuid(let id): "\(value: id.uuid)"
        case .datetime(let time): "\(value: time)"
        case .region(let region): "\(value: SQLValue.bytes(region.bytes))"
        case .timespan:
            throw ButlerError(.invalidQuery, "A timespan can only be the operand of OVERLAPS, not '\(literal)'.")
        }
    }

    func scalar(_ column: ColumnReference) throws -> SQL {
        switch column {
        case .dimensionKey(let dimension):
            if let key = sources.keys[dimension.position] { return key }
        case .dimensionField(let element, let index):
            if let field = sources.fields[element.position]?[index] { return field }
        case .datasetField(let datasetType, let field):
            if let dataset = sources.datasets[datasetType], let sql = scalar(field, of: dataset) { return sql }
        }
        throw StatementError.missingColumn("\(column)")
    }

    private func scalar(_ field: DatasetField, of dataset: DatasetSources) -> SQL? {
        switch field {
        case .datasetID: dataset.id
        case .ingestDate: dataset.ingestDate
        case .collection: dataset.collectionKey.map { Self.name(of: $0, among: dataset.collectionNames) }
        case .run:
            dataset.runKey.map { key in
                dataset.isRunSearch
                    ? Self.name(of: key, among: dataset.collectionNames)
                    : """
                    (SELECT \(column: "name", of: "run name") FROM \(table: "collection") AS \(alias: "run name") \
                    WHERE \(column: "collection_id", of: "run name") = \(key))
                    """
            }
        case .timespan: nil
        }
    }

    private static func name(of key: SQL, among names: [(key: Int64, name: String)]) -> SQL {
        switch names.count {
        case 0: return "NULL"
        case 1: return "\(value: names[0].name)"
        default:
            let cases = names.map { entry -> SQL in " WHEN \(value: entry.key) THEN \(value: entry.name)" }
            return "(CASE \(key)\(cases.joined(separator: "")) END)"
        }
    }

    func timespan(_ expression: ColumnExpression) throws -> TimespanExpression {
        switch expression {
        case .literal(.timespan(let span)): return .literal(span)
        case .column(.dimensionField(let element, _)):
            if let span = sources.timespans[element.position] { return span }
        case .column(.datasetField(let datasetType, .timespan)):
            if let span = sources.datasets[datasetType]?.timespan { return span }
        default: break
        }
        throw StatementError.missingColumn("\(expression)")
    }

    // MARK: Conditions

    /// The most conditions of a statement that are not part of a list. To plan it, databases take time that grows with
    /// the square of their number: SQLite takes a second for these.
    static let mostConditions = 3000

    /// - Throws: `ButlerError` of kind `invalidQuery` for more than ``mostConditions``.
    func condition(_ predicate: Predicate) throws -> [SQL] {
        var (conditions, rest) = try exclusions(predicate.groups)
        var count = 0
        for group in rest {
            let list = group.count > 1 ? try list(of: group) ?? ranges(of: group) : nil
            count += list == nil ? group.count : 1
            guard count <= Self.mostConditions else {
                throw ButlerError(
                    .invalidQuery,
                    "The query has too many conditions for a database: more than \(Self.mostConditions) that are not values "
                        + "of one column. Use an IN list, upload the data IDs, or split the query.")
            }
            conditions.append(try list ?? .anyBalanced(group.map { try condition($0) }))
        }
        return conditions
    }

    private func condition(_ leaf: PredicateLeaf) throws -> SQL {
        switch leaf {
        case .not(let operand): return .not(try condition(operand))
        case .isTrue(let column): return .isTrue(try scalar(column))
        case .isNull(let operand):
            return operand.type == .timespan
                ? try timespan(operand).isNull : "\(try scalar(operand)) IS NULL"
        case .comparison(let a, .overlaps, let b): return try overlap(a, b)
        case .comparison(let a, .glob, let b):
            guard case .literal(.string(let text)) = b else { throw StatementError.missingColumn("\(b)") }
            // Also true of NULL, as upstream has it.
            if text == "*" { return "1 = 1" }
            return .matches(try scalar(a), WildcardPattern(text))
        case .comparison(let a, let operation, let b):
            let left = try comparable(a, with: b)
            let right = try comparable(b, with: a)
            switch operation {
            case .equal: return "\(left) = \(right)"
            case .notEqual: return "\(left) <> \(right)"
            case .less: return "\(left) < \(right)"
            case .greater: return "\(left) > \(right)"
            case .lessOrEqual: return "\(left) <= \(right)"
            case .greaterOrEqual: return "\(left) >= \(right)"
            case .overlaps, .glob: throw StatementError.missingColumn("\(leaf)")
            }
        case .inContainer(let member, let values): return try container(member, values)
        case .inRange(let member, let start, let stop, let step):
            return try range(try scalar(member), start, stop, step)
        case .inQuery(let member, let column, let tree):
            return "\(try scalar(member)) IN (\(try membership(column, tree)))"
        }
    }

    private func container(_ member: ColumnExpression, _ values: [ColumnExpression]) throws -> SQL {
        let sql = try scalar(member)
        var literals: [SQLValue] = []
        for value in values {
            switch value {
            case .literal(.int(let number)): literals.append(.int(number))
            case .literal(.string(let text)): literals.append(.text(text))
            case .literal(.float(let number)): literals.append(.double(number))
            case .literal(.uuid(let id)): literals.append(.uuid(id.uuid))
            case .literal(.hash(let bytes)): literals.append(.bytes(bytes))
            case .literal(.datetime(let time)): literals.append(.int(time.rawValue))
            default: break
            }
        }
        if literals.count == values.count { return .isIn(sql, literals) }
        guard !values.isEmpty else { return "1 = 0" }
        return "\(sql) IN (\(try values.map { try scalar($0) }.joined(separator: ", ")))"
    }

    private func range(_ member: SQL, _ start: Int64, _ stop: Int64?, _ step: Int64) throws -> SQL {
        var conditions: [SQL] = []
        if let stop {
            guard stop > start else { return "1 = 0" }
            if stop - 1 == start { return "\(member) = \(value: start)" }
            conditions.append("\(member) BETWEEN \(value: start) AND \(value: stop - 1)")
        } else {
            conditions.append("\(member) >= \(value: start)")
        }
        if step != 1 {
            // The remainder of SQL takes the sign of the dividend; that of Python, which defines the query, does not.
            let remainder = start % step
            conditions.append("\(member) % \(value: step) = \(value: remainder < 0 ? remainder + step : remainder)")
        }
        return .all(conditions)
    }

    // MARK: Time

    private func overlap(_ a: ColumnExpression, _ b: ColumnExpression) throws -> SQL {
        switch (a.type, b.type) {
        case (.timespan, .timespan): try timespan(a).overlaps(try timespan(b))
        case (.timespan, _): try timespan(a).contains(time: try instant(b))
        case (_, .timespan): try timespan(b).contains(time: try instant(a))
        default: throw StatementError.missingColumn("\(a) OVERLAPS \(b)")
        }
    }

    private func instant(_ expression: ColumnExpression) throws -> SQL {
        if expression.type == .ingestDate, storesIngestDateAsText {
            throw ButlerError(
                .invalidQuery, "Expressions involving ingest date are not supported by this database schema.")
        }
        return try scalar(expression)
    }

    /// A value in the form in which the other one is stored.
    private func comparable(_ expression: ColumnExpression, with other: ColumnExpression) throws -> SQL {
        guard storesIngestDateAsText, expression.type == .datetime, other.type == .ingestDate else {
            return try scalar(expression)
        }
        guard case .literal(.datetime(let time)) = expression else {
            throw ButlerError(.invalidQuery, "Only literal date-time values can be compared with ingest date.")
        }
        return "\(value: try IngestDateText.text(of: time))"
    }
}
