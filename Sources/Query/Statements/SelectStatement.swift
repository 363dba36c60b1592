import ButlerModel
import Database
import QueryModel

/// Spells a plan: joined rows, made unique, the first dataset of each data ID, ordered and limited.
struct SelectStatement {
    private let plan: LogicalPlan
    private let from: FromClause
    /// The columns of the joined rows, or of the groups of them.
    private let base: ColumnSources
    private let groupKeys: [SQL]
    private let spelling: Spelling

    /// What the parts of a statement need to know about the repository and the query around them.
    struct Spelling {
        let universe: DimensionUniverse
        let storesIngestDateAsText: Bool
        /// Spells `IN (query)`.
        let membership: (ColumnReference, QueryTree) throws -> SQL
    }

    init(_ plan: LogicalPlan, _ spelling: Spelling) throws {
        self.plan = plan
        self.spelling = spelling
        var join = JoinSQL(universe: spelling.universe, keepsOrder: plan.keepsJoinOrder)
        for operand in plan.operands { try join.add(operand) }
        let expressions = Self.expressions(join.from.sources, spelling)
        join.from.filter(try expressions.condition(plan.predicate))
        from = join.from
        var sources = join.from.sources
        try Self.addFilterTexts(plan, &sources)
        if case .grouped(let keys) = plan.uniqueness {
            (base, groupKeys) = try Self.grouped(sources, by: keys, plan)
        } else {
            if plan.checksValidityRanges { sources.matchCount = "1" }
            (base, groupKeys) = (sources, [])
        }
    }

    private static func expressions(_ sources: ColumnSources, _ spelling: Spelling) -> ExpressionSQL {
        ExpressionSQL(
            sources: sources, storesIngestDateAsText: spelling.storesIngestDateAsText, membership: spelling.membership)
    }

    // MARK: Grouping

    private static func addFilterTexts(_ plan: LogicalPlan, _ sources: inout ColumnSources) throws {
        for case .overlapText(let label, let a, let b) in plan.filters where sources.overlapTexts[label] == nil {
            sources.overlapTexts[label] = "\(try sources.region(of: a)) || '&' || \(try sources.region(of: b))"
        }
        for case .within(let element, _, isUnion: true) in plan.filters {
            sources.regionUnions[element.position] = try sources.region(of: element)
        }
    }

    /// The columns of groups of rows: keys as they are, texts of regions joined, anything else from some row.
    private static func grouped(
        _ sources: ColumnSources, by keys: [LogicalPlan.GroupKey], _ plan: LogicalPlan
    ) throws -> (ColumnSources, [SQL]) {
        var result = sources
        var groupKeys: [SQL] = []
        result.fields = sources.fields.mapValues { $0.mapValues { .anyValue($0) } }
        result.timespans = sources.timespans.mapValues(\.anyValue)
        result.overlapTexts = sources.overlapTexts.mapValues { .joinedText($0, separator: "|") }
        result.regionUnions = sources.regionUnions.mapValues { .joinedText($0, separator: ":") }
        if plan.checksValidityRanges { result.matchCount = "count(*)" }
        for (name, dataset) in sources.datasets {
            var grouped = dataset
            grouped.id = dataset.id.map { .anyValue($0) }
            grouped.collectionKey = dataset.collectionKey.map { .anyValue($0) }
            grouped.runKey = dataset.runKey.map { .anyValue($0) }
            grouped.ingestDate = dataset.ingestDate.map { .anyValue($0) }
            grouped.timespan = dataset.timespan?.anyValue
            result.datasets[name] = grouped
        }
        for key in keys {
            switch key {
            case .dimension(let position):
                guard let sql = sources.keys[position] else { throw StatementError.missingColumn("\(key)") }
                groupKeys.append(sql)
            case .collection(let name):
                guard let sql = sources.datasets[name]?.collectionKey else {
                    throw StatementError.missingColumn("\(key)")
                }
                groupKeys.append(sql)
                result.datasets[name]?.collectionKey = sql
            case .datasetID(let name):
                guard let sql = sources.datasets[name]?.id else { throw StatementError.missingColumn("\(key)") }
                groupKeys.append(sql)
                result.datasets[name]?.id = sql
            case .timespan(let name):
                guard let span = sources.datasets[name]?.timespan else { throw StatementError.missingColumn("\(key)") }
                groupKeys += [span.begin, span.end]
                result.datasets[name]?.timespan = span
            }
        }
        return (result, groupKeys)
    }

    // MARK: Columns

    /// The columns of a stage in the order of result rows, with what filters and checks read.
    private func resultColumns(_ columns: PlanColumns, withRank: Bool) -> RowLayout {
        var layout = RowLayout(derivedKeys: plan.derivedKeys)
        for position in columns.dimensions.keys where plan.derivedKeys[position] == nil {
            layout.append(.key(position))
        }
        for (position, indices) in columns.fields.sorted(by: { $0.key < $1.key }) {
            for index in indices.sorted() { layout.append(.field(element: position, column: index)) }
        }
        for (name, fields) in columns.datasets.sorted(by: { $0.key < $1.key }) {
            for field in fields.sorted() { layout.append(.dataset(type: name, field)) }
        }
        if withRank, let search = plan.findFirst?.search { layout.append(.dataset(type: search.name, .collection)) }
        for filter in plan.filters {
            switch filter {
            case .overlap(let a, let b):
                layout.append(Self.regionColumn(a))
                layout.append(Self.regionColumn(b))
            case .overlapText(let label, _, _): layout.append(.overlapText(label: label))
            case .within(let element, _, let isUnion):
                layout.append(isUnion ? .regionUnion(element: element.position) : Self.regionColumn(element))
            }
        }
        if plan.checksValidityRanges { layout.append(.matchCount) }
        return layout
    }

    static func regionColumn(_ element: DimensionElement) -> ResultColumn {
        .field(element: element.position, column: element.regionColumn ?? 0)
    }

    private enum Spelled {
        case value(SQL)
        case timespan(TimespanExpression)
    }

    private func spelled(_ column: ResultColumn, _ sources: ColumnSources) throws -> Spelled {
        let found: Spelled?
        switch column {
        case .key(let position): found = sources.keys[position].map { .value($0) }
        case .field(let position, let index):
            if spelling.universe.elements[position].columns[index].role == .timespan {
                found = sources.timespans[position].map { .timespan($0) }
            } else {
                found = sources.fields[position]?[index].map { .value($0) }
            }
        case .dataset(let name, let field):
            let dataset = sources.datasets[name]
            switch field {
            case .datasetID: found = dataset?.id.map { .value($0) }
            case .collection: found = dataset?.collectionKey.map { .value($0) }
            case .run: found = dataset?.runKey.map { .value($0) }
            case .ingestDate: found = dataset?.ingestDate.map { .value($0) }
            case .timespan: found = dataset?.timespan.map { .timespan($0) }
            }
        case .regionUnion(let position): found = sources.regionUnions[position].map { .value($0) }
        case .overlapText(let label): found = sources.overlapTexts[label].map { .value($0) }
        case .matchCount: found = sources.matchCount.map { .value($0) }
        }
        guard let found else { throw StatementError.missingColumn("\(column)") }
        return found
    }

    private func label(_ column: ResultColumn) -> String {
        switch column {
        case .key(let position): spelling.universe.elements[position].name
        case .field(let position, let index): ColumnLabel.field(spelling.universe.elements[position], index)
        case .dataset(let name, let field): ColumnLabel.dataset(name, field.rawValue)
        case .regionUnion(let position): ColumnLabel.regions(spelling.universe.elements[position])
        case .overlapText(let label): label
        case .matchCount: ColumnLabel.matchCount
        }
    }

    /// A select list for the outermost select.
    private func results(_ layout: RowLayout, _ sources: ColumnSources) throws -> SQL {
        guard !layout.columns.isEmpty else { return "1" }
        return try layout.columns.map { column -> SQL in
            switch try spelled(column, sources) {
            case .value(let sql): "\(sql, as: label(column))"
            case .timespan(let span): "\(result: span)"
            }
        }.joined(separator: ", ")
    }

    /// A select list for a select inside another, with labels.
    private func labelled(_ layout: RowLayout, _ sources: ColumnSources) throws -> SQL {
        guard !layout.columns.isEmpty else { return "\("1", as: "empty")" }
        return try layout.columns.map { column -> SQL in
            switch try spelled(column, sources) {
            case .value(let sql): "\(sql, as: label(column))"
            case .timespan(let span): "\(timespan: span, as: label(column))"
            }
        }.joined(separator: ", ")
    }

    /// The columns of a subquery that selected `layout`.
    private func relabelled(_ layout: RowLayout, of alias: String) -> ColumnSources {
        var sources = ColumnSources()
        for column in layout.columns {
            let name = label(column)
            let sql: SQL = "\(column: name, of: alias)"
            switch column {
            case .key(let position): sources.keys[position] = sql
            case .field(let position, let index):
                sources.setField(spelling.universe.elements[position], index, alias: alias, column: name)
            case .dataset(let type, let field):
                var dataset = sources.datasets[type] ?? base.datasets[type]?.namesOnly ?? DatasetSources()
                switch field {
                case .datasetID: dataset.id = sql
                case .collection: dataset.collectionKey = sql
                case .run: dataset.runKey = sql
                case .ingestDate: dataset.ingestDate = sql
                case .timespan: dataset.timespan = .column(name, of: alias)
                }
                sources.datasets[type] = dataset
            case .regionUnion(let position): sources.regionUnions[position] = sql
            case .overlapText(let label): sources.overlapTexts[label] = sql
            case .matchCount: sources.matchCount = sql
            }
        }
        return sources
    }

    // MARK: Statements

    private var isDistinct: Bool { if case .distinct = plan.uniqueness { true } else { false } }

    private var grouping: SQL {
        if !groupKeys.isEmpty { return " GROUP BY \(groupKeys.joined(separator: ", "))" }
        // All rows are one group, and there is none without rows.
        if case .grouped = plan.uniqueness { return " GROUP BY 1 = 1" }
        return SQL()
    }

    private func ordering(_ sources: ColumnSources) throws -> SQL {
        guard !plan.order.isEmpty else { return SQL() }
        let expressions = Self.expressions(sources, spelling)
        let terms = try plan.order.map { term -> SQL in
            .ordered(
                try expressions.scalar(term.expression), isDescending: term.isDescending,
                mayBeNull: !isKey(term.expression))
        }
        return " ORDER BY \(terms.joined(separator: ", "))"
    }

    /// Whether an expression is a key that the rows of every table with it must have.
    private func isKey(_ expression: ColumnExpression) -> Bool {
        guard case .column(.dimensionKey(let dimension)) = expression else { return false }
        return plan.joinDimensions.required.contains(dimension.position)
    }

    private var limiting: SQL {
        guard !plan.isFiltered, let limit = plan.effectiveLimit else { return SQL() }
        return " LIMIT \(value: limit)"
    }

    /// The rows of the result.
    func rows() throws -> (sql: SQL, layout: RowLayout) {
        let parts = plan.parts
        guard parts.count > 1 else { return try rowsTogether() }
        let statements = try parts.map { try SelectStatement($0, spelling).rowsTogether() }
        return ("\(statements.map(\.sql).joined(separator: " UNION ALL "))\(limiting)", statements[0].layout)
    }

    private func rowsTogether() throws -> (sql: SQL, layout: RowLayout) {
        let layout = resultColumns(plan.finalColumns, withRank: false)
        guard let findFirst = plan.findFirst, findFirst.method == .window else {
            let sql: SQL = """
                SELECT\(isDistinct ? " DISTINCT" : "") \(try results(layout, base))\(from.sql)\(grouping)\
                \(try ordering(base))\(limiting)
                """
            return (sql, layout)
        }
        let (ranked, sources) = try ranked(findFirst.search)
        let sql: SQL = """
            SELECT \(try results(layout, sources)) FROM (\(ranked)) AS \(alias: "ranked") \
            WHERE \(column: ColumnLabel.rank, of: "ranked") = 1\(try ordering(sources))\(limiting)
            """
        return (sql, layout)
    }

    /// The joined rows with their rank among those of the same data ID.
    private func ranked(_ search: ResolvedSearch) throws -> (sql: SQL, sources: ColumnSources) {
        let inner = resultColumns(plan.columns, withRank: true)
        let innerSources = relabelled(inner, of: "base")
        guard let collection = innerSources.datasets[search.name]?.collectionKey else {
            throw StatementError.missingColumn("\(search.name).collection")
        }
        let cases = search.collections.enumerated().map { index, entry -> SQL in
            " WHEN \(value: entry.key) THEN \(value: index)"
        }
        let keys = plan.columns.dimensions.required.compactMap { innerSources.keys[$0] }
        let partition: SQL = keys.isEmpty ? SQL() : "PARTITION BY \(keys.joined(separator: ", ")) "
        let sql: SQL = """
            SELECT \(alias: "base").*, row_number() OVER (\(partition)ORDER BY CASE \(collection)\
            \(cases.joined(separator: "")) END) AS \(alias: ColumnLabel.rank) FROM (\
            SELECT\(isDistinct ? " DISTINCT" : "") \(try labelled(inner, base))\(from.sql)\(grouping)) AS \(alias: "base")
            """
        return (sql, relabelled(inner, of: "ranked"))
    }

    /// The number of rows of the result before filters and limit.
    func count() throws -> SQL {
        if let findFirst = plan.findFirst, findFirst.method == .window {
            // As many as there are data IDs.
            let keys = plan.columns.dimensions.required.compactMap { base.keys[$0] }
            let list: SQL = keys.isEmpty ? "1" : keys.joined(separator: ", ")
            return "SELECT count(*) FROM (SELECT DISTINCT \(list)\(from.sql)) AS \(alias: "found")"
        }
        switch plan.uniqueness {
        case .given: return "SELECT count(*)\(from.sql)"
        case .distinct:
            let layout = resultColumns(plan.finalColumns, withRank: false)
            return
                "SELECT count(*) FROM (SELECT DISTINCT \(try labelled(layout, base))\(from.sql)) AS \(alias: "found")"
        case .grouped:
            return "SELECT count(*) FROM (SELECT 1\(from.sql)\(grouping)) AS \(alias: "found")"
        }
    }

    /// One row if the result has any, before filters.
    func any() -> SQL { "SELECT 1\(from.sql) LIMIT 1" }

    /// The values of one column, possibly repeated.
    func values(of column: ColumnReference) throws -> SQL {
        "SELECT \(try Self.expressions(from.sources, spelling).scalar(column))\(from.sql)"
    }

    /// The rows of the result with labels, to fill a temporary table.
    func labelledRows() throws -> (sql: SQL, layout: RowLayout) {
        let layout = resultColumns(plan.finalColumns, withRank: false)
        let sql: SQL = "SELECT\(isDistinct ? " DISTINCT" : "") \(try labelled(layout, base))\(from.sql)\(grouping)"
        return (sql, layout)
    }

    func label(of column: ResultColumn) -> String { label(column) }
}

extension DatasetSources {
    fileprivate var namesOnly: DatasetSources {
        var names = DatasetSources()
        names.collectionNames = collectionNames
        names.isRunSearch = isRunSearch
        return names
    }
}
