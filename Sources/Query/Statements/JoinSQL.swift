import AstroTime
import ButlerModel
import Database
import QueryModel
import Registry
import SkyGeometry

/// Spells the operands of a join.
struct JoinSQL {
    let universe: DimensionUniverse
    var from: FromClause
    private var aliases: Set<String> = []
    private var count = 0

    /// - Parameter keepsOrder: whether the database must join in the order of the operands.
    init(universe: DimensionUniverse, keepsOrder: Bool) {
        self.universe = universe
        from = FromClause(keepsOrder: keepsOrder)
    }

    /// The most operands of a join: those of no honest query, and about as many as PostgreSQL plans within a second.
    /// SQLite joins 64 tables.
    static let mostOperands = 100

    /// - Throws: `ButlerError` of kind `invalidQuery` for more than ``mostOperands``.
    static func check(operandCount count: Int) throws(ButlerError) {
        guard count > mostOperands else { return }
        throw ButlerError(
            .invalidQuery,
            "The query joins more than \(mostOperands) tables (of dimensions, datasets, overlaps of regions and uploads), "
                + "more than a database can; split it.")
    }

    mutating func add(_ operand: JoinOperand) throws {
        count += 1
        try Self.check(operandCount: count)
        switch operand {
        case .overlap(let overlap): add(overlap)
        case .upload(let group, let rows):
            let alias = unique("upload")
            from.join("\(rows) AS \(alias: alias)", keys: keys(group.required, of: alias))
        case .materialized(let rows): add(rows)
        case .datasets(let operand): add(operand)
        case .element(let element, let columns): add(element, columns)
        }
    }

    /// An alias that no other table of the statement has. SQLite takes names that differ in case only for the same.
    private mutating func unique(_ wanted: String) -> String {
        var alias = wanted
        var number = 2
        while !aliases.insert(alias.lowercased()).inserted {
            alias = "\(wanted)_\(number)"
            number += 1
        }
        return alias
    }

    private func name(_ position: Int) -> String { universe.elements[position].name }

    private func keys(_ positions: [Int], of alias: String) -> [(dimension: Int, sql: SQL)] {
        positions.map { ($0, "\(column: name($0), of: alias)") }
    }

    // MARK: Dimension tables

    private mutating func add(_ element: DimensionElement, _ columns: Set<Int>) {
        let alias = unique(element.name)
        if let target = element.impliedUnionTarget {
            from.join(
                "(SELECT DISTINCT \(column: element.name) FROM \(table: target)) AS \(alias: alias)",
                keys: keys([element.position], of: alias))
            return
        }
        var keys: [(dimension: Int, sql: SQL)] = []
        for column in element.columns {
            switch column.role {
            case .required(let position), .implied(let position):
                keys.append((position, "\(column: column.name, of: alias)"))
            case .alternateKey, .metadata, .region, .timespan: break
            }
        }
        from.join("\(table: element.name) AS \(alias: alias)", keys: keys)
        from.withSources { sources in
            for index in columns {
                sources.setField(element, index, alias: alias, column: element.columns[index].name)
            }
        }
    }

    // MARK: Overlaps

    private mutating func add(_ overlap: SpatialOverlap) {
        switch overlap {
        case .pixelsOfConstraint(let element, let pixels, let known, let isDistinct):
            let rows = pixels.map { range -> [SQLValue] in
                [.int(Int64(range.lowerBound)), .int(Int64(clamping: range.upperBound))]
            }
            let selected = element.required.map(name)
            let alias = unique("\(element.name)_in_region")
            let pixel: SQL = "\(column: "skypix_index", of: "overlap")"
            // The ranges come first: each is one walk along the index over pixels.
            from.join(
                """
                (SELECT\(isDistinct ? " DISTINCT" : "") \(columns: selected, of: "overlap") \
                FROM \(SQL.rows([("start", .int), ("stop", .int)], rows)) AS \(alias: "pixels") \
                CROSS JOIN \(table: RegistrySchema.overlapTable(element)) AS \(alias: "overlap") \
                WHERE \(pixel) >= \(column: "start", of: "pixels") AND \(pixel) < \(column: "stop", of: "pixels") \
                AND \(Self.telling(pixel, rows)) AND \(SQL.all(conditions(element, known, alias: "overlap")))) AS \(alias: alias)
                """,
                keys: keys(element.required, of: alias))
        case .commonPixels(let a, let b, let known, let isDistinct):
            let alias = unique("\(a.name)_with_\(b.name)")
            var positions: [(Int, String)] = []
            for (element, table) in [(a, "a"), (b, "b")] {
                for position in element.required where !positions.contains(where: { $0.0 == position }) {
                    positions.append((position, table))
                }
            }
            let selection = positions.map { position, table -> SQL in "\(column: name(position), of: table)" }
            let shared = Set(a.required).intersection(b.required).sorted().map { position -> SQL in
                "\(column: name(position), of: "a") = \(column: name(position), of: "b")"
            }
            let all =
                ["\(column: "skypix_index", of: "a") = \(column: "skypix_index", of: "b")"] + shared
                + conditions(a, known, alias: "a") + conditions(b, known, alias: "b")
            from.join(
                """
                (SELECT\(isDistinct ? " DISTINCT" : "") \(selection.joined(separator: ", ")) \
                FROM \(table: RegistrySchema.overlapTable(a)) AS \(alias: "a") \
                JOIN \(table: RegistrySchema.overlapTable(b)) AS \(alias: "b") ON \(SQL.all(all))) AS \(alias: alias)
                """,
                keys: keys(positions.map(\.0), of: alias))
        case .pixels(let element, let known):
            let alias = unique("\(element.name)_overlap")
            from.join(
                "\(table: RegistrySchema.overlapTable(element)) AS \(alias: alias)",
                keys: keys(element.required, of: alias) + [
                    (universe.commonSkypix.position, "\(column: "skypix_index", of: alias)")
                ],
                on: conditions(element, known, alias: alias))
        }
    }

    /// Where the pixels are, for estimates: of a join with a list of ranges nothing is known.
    private static func telling(_ pixel: SQL, _ ranges: [[SQLValue]]) -> SQL {
        var told = ranges
        if ranges.count > mostToldRanges, let first = ranges.first?.first, let last = ranges.last?.last {
            told = [[first, last]]
        }
        return .telling(
            .anyBalanced(told.map { "(\(pixel) >= \(value: $0[0]) AND \(pixel) < \(value: $0[1]))" }))
    }

    /// The database looks at each when it plans.
    private static let mostToldRanges = 32

    private func conditions(_ element: DimensionElement, _ known: [Int: DataIDValue], alias: String) -> [SQL] {
        var conditions: [SQL] = []
        if let skypix = universe.commonSkypix.skypix {
            conditions.append("\(column: "skypix_system", of: alias) = \(value: skypix.system)")
            conditions.append("\(column: "skypix_level", of: alias) = \(value: skypix.level)")
        }
        for position in element.required {
            guard let value = known[position] else { continue }
            conditions.append("\(column: name(position), of: alias) = \(value: value.sqlValue)")
        }
        return conditions
    }

    // MARK: Materialized rows

    private mutating func add(_ rows: MaterializedRows) {
        let alias = unique("materialized")
        from.join(
            "\(rows.rows) AS \(alias: alias)", keys: keys(rows.dimensions.keys, of: alias))
        from.withSources { sources in
            for filter in rows.filters {
                for element in filter.elements {
                    guard let index = element.regionColumn else { continue }
                    var label = ColumnLabel.field(element, index)
                    if case .within(_, _, isUnion: true) = filter { label = ColumnLabel.regions(element) }
                    sources.setField(element, index, alias: alias, column: label)
                }
                if case .overlapText(let label, _, _) = filter {
                    sources.overlapTexts[label] = "\(column: label, of: alias)"
                }
            }
        }
    }

    // MARK: Datasets

    private mutating func add(_ operand: JoinOperand.DatasetOperand) {
        let search = operand.search
        let alias = unique(search.name)
        let calibrations = search.collections.filter { $0.type == .calibration }
        let others = search.collections.filter { $0.type != .calibration }
        if !calibrations.isEmpty, !others.isEmpty {
            var union = DatasetSelect(operand, others, isCalibration: false, universe: universe).select(distinct: false)
            union += " UNION "
            union += DatasetSelect(operand, calibrations, isCalibration: true, universe: universe).select(distinct: false)
            joinSubquery(union, operand, alias: alias)
        } else {
            let select = DatasetSelect(
                operand, search.collections, isCalibration: !calibrations.isEmpty, universe: universe)
            if operand.isExistence, !operand.mayRepeat, search.collections.count > 1 {
                joinSubquery(select.select(distinct: true), operand, alias: alias)
            } else {
                joinDirectly(select, operand, alias: alias)
            }
        }
    }

    private mutating func joinSubquery(_ select: SQL, _ operand: JoinOperand.DatasetOperand, alias: String) {
        from.join("(\(select)) AS \(alias: alias)", keys: keys(operand.search.dimensions.required, of: alias))
        from.withSources { sources in
            var dataset = DatasetSources(operand)
            if operand.reads(.datasetID) { dataset.id = "\(column: "dataset_id", of: alias)" }
            if operand.readsCollectionKey { dataset.collectionKey = "\(column: "collection_id", of: alias)" }
            if operand.reads(.run) { dataset.runKey = "\(column: "run_id", of: alias)" }
            if operand.reads(.ingestDate) { dataset.ingestDate = "\(column: "ingest_date", of: alias)" }
            if operand.reads(.timespan) { dataset.timespan = .column(of: alias) }
            sources.datasets[operand.search.name] = dataset
        }
    }

    private mutating func joinDirectly(
        _ select: DatasetSelect, _ operand: JoinOperand.DatasetOperand, alias: String
    ) {
        var conditions = select.conditions(alias: alias)
        if operand.isFirstOnly, !operand.followsOrder, operand.part != .others, from.keepsOrder, from.isEmpty {
            // The collections in search order, so that the first rows come from the first collection.
            let path = unique("path")
            from.join("\(select.path) AS \(alias: path)", keys: [])
            conditions = select.conditions(alias: alias, collection: "\(column: "collection_id", of: path)")
        }
        from.join(
            "\(table: select.table) AS \(alias: alias)", keys: keys(operand.search.dimensions.required, of: alias),
            on: conditions)
        var datasetAlias = ""
        if select.needsDatasetTable {
            datasetAlias = unique("\(alias)_dataset")
            from.attach(
                "\(table: "dataset") AS \(alias: datasetAlias)",
                on: select.datasetConditions(alias: alias, dataset: datasetAlias))
        }
        if operand.isFirstOnly {
            let known = from.sources.keys
            from.filter([select.noEarlier(alias: alias) { known[$0] }])
        }
        from.withSources { sources in
            var dataset = DatasetSources(operand)
            if operand.reads(.datasetID) { dataset.id = "\(column: "dataset_id", of: alias)" }
            if operand.readsCollectionKey { dataset.collectionKey = select.collectionKey(alias: alias) }
            if operand.reads(.run) { dataset.runKey = select.runKey(alias: alias, dataset: datasetAlias) }
            if operand.reads(.ingestDate) { dataset.ingestDate = "\(column: "ingest_date", of: datasetAlias)" }
            if operand.reads(.timespan) { dataset.timespan = select.timespan(alias: alias) }
            sources.datasets[operand.search.name] = dataset
        }
    }
}

extension DatasetSources {
    init(_ operand: JoinOperand.DatasetOperand) {
        collectionNames = operand.search.collections.map { ($0.key, $0.name) }
        isRunSearch = operand.search.isRunSearch
    }
}

extension JoinOperand.DatasetOperand {
    func reads(_ field: DatasetField) -> Bool { fields.contains(field) }
    /// Whether it only matters that there is a dataset.
    var isExistence: Bool { fields.isEmpty && !readsCollection }
    /// Whether the rows are sorted or made unique afterwards, by columns that an index over all types holds in order.
    /// SQLite would walk that index.
    var invitesDetours: Bool { isExistence || readsCollection }
    var readsCollectionKey: Bool { readsCollection || reads(.collection) }
}
