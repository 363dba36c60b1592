import ButlerModel
import Database
import QueryModel
import Registry

/// Decides how a query is answered. Source: query system reference, section 3.
struct QueryPlanner {
    let snapshot: RegistrySnapshot
    /// Values of governors that constrain queries which do not mention them, by position.
    let defaults: [Int: DataIDValue]
    /// Rows made by the inputs of the query, in temporary tables.
    var uploads: [DatasetID: (dimensions: DimensionGroup, rows: SQL)] = [:]
    var materialized: [DatasetID: MaterializedRows] = [:]

    private var universe: DimensionUniverse { snapshot.universe }

    /// The plan of a result.
    /// - Throws: `ButlerError` for what is wrong with the query.
    func plan(_ tree: QueryTree, _ result: ResultSpecification) throws -> LogicalPlan {
        try checkResult(result, of: tree)
        // Data IDs from outside may have no records.
        let isOurs = tree.uploads.isEmpty && tree.materializations.isEmpty
        return try plan(
            tree, final: result.columns(looksUpShared: isOurs), order: result.order, limit: result.limit,
            findFirst: result.findFirstDatasetType, allowsDuplicateOverlaps: result.allowsDuplicateOverlaps)
    }

    /// The plan of the data IDs of a tree, which tells whether there are any rows.
    func plan(dataIDsOf tree: QueryTree, _ dimensions: DimensionGroup, allowsDuplicateOverlaps: Bool) throws -> LogicalPlan
    {
        try plan(
            tree, final: PlanColumns(dimensions), order: [], limit: nil, findFirst: nil,
            allowsDuplicateOverlaps: allowsDuplicateOverlaps)
    }

    func plan(
        _ tree: QueryTree, final: PlanColumns, order: [OrderTerm], limit: Int?, findFirst: String?,
        allowsDuplicateOverlaps: Bool
    ) throws -> LogicalPlan {
        guard tree.anyDataset == nil else {
            throw ButlerError(
                .unimplementedQuery, "Searches for any dataset type are not supported; search for each type.")
        }
        // Searches before governors are known tell which of them are calibration searches.
        let types = Set(tree.datasets.compactMap { snapshot.catalog.datasetTypes[$0.datasetType]?.key })
        func resolve(_ dataID: [Int: DataIDValue]) throws -> [ResolvedSearch] {
            try tree.datasets.map {
                try ResolvedSearch($0, dataID: dataID, types: types, catalog: snapshot.catalog)
            }
        }
        let unconstrained = try resolve([:])
        var constraints = PredicateConstraints(tree.predicate)
        try constraints.applyDefaults(defaults, to: tree)
        let overlaps = try OverlapAnalysis(
            constraints.predicate, of: tree,
            calibrations: unconstrained.filter(\.isCalibrationSearch).map(\.name), constraints: constraints.dataID,
            allowsDuplicates: allowsDuplicateOverlaps)
        let searches = try resolve(constraints.dataID)

        var joined = PlanColumns(tree.dimensions)
        overlaps.predicate.forEachColumn { joined.insert($0) }
        for filter in overlaps.filters {
            switch filter {
            case .overlap(let a, let b):
                joined.insertRegion(of: a)
                joined.insertRegion(of: b)
            case .within(let element, _): joined.insertRegion(of: element)
            }
        }
        var columns = final
        for term in order { term.expression.forEachColumn { columns.insert($0) } }

        let materializations = try tree.materializations.map { try materializedRows($0) }
        var projection = Projection(
            joined: joined, columns: columns, final: final, searches: searches, findFirst: findFirst,
            filters: overlaps.filters, inherited: materializations.flatMap(\.filters))
        projection.decide()
        joined.formUnion(projection.columns)

        let skipped = Set(materializations.flatMap(\.datasets))
        var operands = overlaps.operands.map { JoinOperand.overlap($0) }
        operands += try tree.uploads.compactMap { try upload($0) }
        operands += materializations.map { .materialized($0) }
        for search in searches {
            let fields = joined.datasets[search.name] ?? []
            // Rows of a materialization obey its searches; they are joined again only for what they read.
            guard !skipped.contains(search.name) || !fields.isEmpty else { continue }
            operands.append(
                .datasets(
                    .init(
                        search: search, fields: fields,
                        readsCollection: projection.readsCollection.contains(search.name))))
        }
        operands += mandatoryElements(tree, joined, searches: searches, materializations: materializations)
            .map { .element($0, columns: joined.fields[$0.position] ?? []) }
        operands += try missingElements(tree, after: operands).map { .element($0, columns: []) }

        return LogicalPlan(
            operands: operands, predicate: overlaps.predicate, joinDimensions: tree.dimensions,
            columns: projection.columns, finalColumns: final, uniqueness: projection.uniqueness,
            findFirst: projection.ranked.map { .init(search: $0, method: .window) },
            checksValidityRanges: projection.checksValidityRanges, filters: projection.plannedFilters, order: order,
            limit: limit, doomed: searches.filter(\.collections.isEmpty),
            messages: constraints.messages + searches.flatMap(\.doom))
    }

    /// `nil` for the empty data ID, which constrains nothing.
    private func upload(_ rows: QueryTree.JoinedRows) throws -> JoinOperand? {
        guard let known = uploads[rows.key], known.dimensions == rows.dimensions else {
            throw ButlerError(.invalidQuery, "The query refers to uploaded data IDs \(rows.key) that do not come with it.")
        }
        return rows.dimensions.isEmpty ? nil : .upload(rows.dimensions, rows: known.rows)
    }

    private func materializedRows(_ rows: QueryTree.JoinedRows) throws -> MaterializedRows {
        guard let known = materialized[rows.key], known.dimensions == rows.dimensions else {
            throw ButlerError(.invalidQuery, "The query refers to materialized rows \(rows.key) that it does not make.")
        }
        return known
    }

    /// What only clients check, and a server must not rely on.
    private func checkResult(_ result: ResultSpecification, of tree: QueryTree) throws(ButlerError) {
        guard result.dimensions.isSubset(of: tree.dimensions) else {
            throw ButlerError(
                .invalidQuery,
                "The result has dimensions \(result.dimensions), which are not all among the query's \(tree.dimensions).")
        }
        let columns = result.columns(looksUpShared: true)
        for datasetType in columns.datasets.keys.sorted() where tree.search(for: datasetType) == nil {
            throw ButlerError(
                .invalidQuery,
                "A search for dataset type '\(datasetType)' must be explicitly joined into the query before including its "
                    + "fields in query results.")
        }
        if case .datasetRefs(let refs) = result.kind, let search = tree.search(for: refs.datasetType) {
            guard refs.dimensions == search.dimensions else {
                throw ButlerError(
                    .invalidQuery,
                    "Incorrect dimensions \(refs.dimensions) for results of dataset type '\(refs.datasetType)' "
                        + "(vs. \(search.dimensions)).")
            }
        }
        for (position, _) in columns.fields where !universe.elements[position].requiredSet.isSubset(of: tree.dimensions.members) {
            throw ButlerError(
                .invalidQuery, "Fields of '\(universe.elements[position])' need dimensions that the query lacks.")
        }
        var failure: ButlerError?
        for term in result.order {
            term.expression.forEachColumn { column in
                guard failure == nil else { return }
                if case .datasetField(let datasetType, _) = column {
                    if tree.search(for: datasetType) == nil {
                        failure = ButlerError(
                            .invalidQuery,
                            "Cannot reference dataset type(s) {'\(datasetType)'} that have not been joined.")
                    }
                } else if !column.dimensions.isSubset(of: result.dimensions.members) {
                    failure = ButlerError(
                        .invalidQuery,
                        "Order-by expression may not reference columns that are not in the result dimensions. "
                            + "'\(column)' is not among \(result.dimensions).")
                }
            }
        }
        if let failure { throw failure }
    }

    // MARK: Dimension tables

    /// Elements whose table is joined for a field, or because it relates dimensions and nothing else joined does.
    private func mandatoryElements(
        _ tree: QueryTree, _ columns: PlanColumns, searches: [ResolvedSearch], materializations: [MaterializedRows]
    ) -> [DimensionElement] {
        let related = tree.uploads.map { DimensionSet($0.dimensions.required) }
            + searches.map { DimensionSet($0.dimensions.required) }
        return tree.dimensions.elements.filter { element in
            if columns.fields[element.position]?.isEmpty == false { return true }
            guard element.definesRelationships else { return false }
            let group = universe.group(conforming: element.requiredSet.union(element.impliedSet)).members
            if related.contains(where: { group.isSubset(of: $0) }) { return false }
            return !materializations.contains { $0.dimensions.members.contains(element.position) }
        }
    }

    /// Elements that give the keys which no operand gives.
    private func missingElements(_ tree: QueryTree, after operands: [JoinOperand]) throws -> [DimensionElement] {
        var missing = tree.dimensions.members
        for operand in operands { missing = missing.subtracting(operand.keys(universe)) }
        var added: [DimensionElement] = []
        while !missing.isEmpty {
            var best: (element: DimensionElement, gain: Int)?
            for position in missing {
                let element = universe.elements[position]
                let gain = element.requiredSet.union(element.impliedSet).intersection(missing).count
                if gain > best?.gain ?? 0 { best = (element, gain) }
            }
            guard let best else { break }
            guard best.element.skypix == nil else {
                throw ButlerError(
                    .unimplementedQuery, "Cannot join dimension element \(best.element) with no table.")
            }
            added.append(best.element)
            missing = missing.subtracting(best.element.joinKeys)
        }
        return added
    }
}

extension DimensionElement {
    /// The dimensions whose keys the element's table gives.
    var joinKeys: DimensionSet { impliedUnionTarget == nil ? requiredSet.union(impliedSet) : DimensionSet([position]) }
}

extension JoinOperand {
    /// The dimensions whose keys this operand gives.
    func keys(_ universe: DimensionUniverse) -> DimensionSet {
        switch self {
        case .overlap(.pixelsOfConstraint(let element, _, _, _)): return element.requiredSet
        case .overlap(.commonPixels(let a, let b, _, _)): return a.requiredSet.union(b.requiredSet)
        case .overlap(.pixels(let element, _)):
            var keys = element.requiredSet
            keys.insert(universe.commonSkypix.position)
            return keys
        case .upload(let group, _): return DimensionSet(group.required)
        case .materialized(let rows): return rows.dimensions.members
        case .datasets(let operand): return DimensionSet(operand.search.dimensions.required)
        case .element(let element, _): return element.joinKeys
        }
    }
}
