import ButlerModel

extension ResultDefinition {
    /// Looks all names up. Cost: a walk over the steps; no rows are read.
    ///
    /// - Throws: `ButlerError` for names that do not exist and for steps that do not fit together.
    public func resolved(in environment: some QueryEnvironment) throws -> ResolvedQuery {
        var resolver = QueryResolver(environment: environment)
        return try resolver.resolve(self)
    }
}

/// Turns the steps of a program into a tree and a specification.
struct QueryResolver<Environment: QueryEnvironment> {
    let environment: Environment
    private var inputs: [QueryInput] = []

    init(environment: Environment) { self.environment = environment }

    private var universe: DimensionUniverse { environment.universe }

    mutating func resolve(_ definition: ResultDefinition) throws -> ResolvedQuery {
        var builder = try builder(definition.query)
        let kind: ResultSpecification.Kind
        var datasets: [String] = []
        switch definition.kind {
        case .dataIDs(let names):
            let group = try names.map { try self.group($0) } ?? builder.dimensions
            builder.join(group)
            kind = .dataCoordinates(group, withRecords: definition.withDimensionRecords)
        case .dimensionRecords(let name):
            guard let element = universe.element(name) else {
                let known = universe.elements.filter { $0.skypix == nil }.map(\.name).joined(separator: ", ")
                throw ButlerError(.dimensionName, "No such dimension '\(name)', available dimensions: \(known).")
            }
            let records = ResultSpecification.records(of: element, in: universe)
            builder.join(records.dimensions)
            kind = records.kind
        case .datasets(let reference, let path, let findFirst):
            let type = try join(reference, path, to: &builder)
            if let wanted = reference.storageClass, wanted != type.storageClass,
                try !environment.canConvert(type.storageClass, to: wanted)
            {
                throw ButlerError(
                    .invalidQuery,
                    "Given storage class '\(wanted)' for '\(type.name)' is not compatible with repository storage "
                        + "class \(type.storageClass).")
            }
            datasets = [type.name]
            kind = .datasetRefs(
                .init(
                    datasetType: type.name, dimensions: type.dimensions,
                    storageClass: reference.storageClass ?? type.storageClass,
                    withRecords: definition.withDimensionRecords, findFirst: findFirst))
        case .general(let names, let columns, let findFirst):
            let general = try general(
                names, columns, findFirst, withRecords: definition.withDimensionRecords, in: builder)
            builder.join(general.dimensions)
            datasets = general.datasetFields.map(\.datasetType)
            kind = .general(general)
        }
        var result = ResultSpecification(kind, limit: definition.limit)
        for condition in definition.conditions {
            try builder.filter(
                try predicate(condition, IdentifierContext(dimensions: result.dimensions, datasets: datasets)))
        }
        let context = IdentifierContext(dimensions: result.dimensions, datasets: datasets)
        result.order = try definition.order.map { order in
            switch order {
            case .name(let name): try OrderTerm(name, in: context)
            case .term(let term): term
            }
        }
        return ResolvedQuery(tree: try builder.tree(), inputs: inputs, result: result)
    }

    /// Dimensions by name; another element stands for its dimensions.
    private func group(_ names: [String]) throws(ButlerError) -> DimensionGroup {
        var members = DimensionSet()
        for name in names {
            let element = try universe.requireElement(name)
            if element.isDimension { members.insert(element.position) }
            members.formUnion(element.requiredSet)
        }
        return universe.group(conforming: members)
    }

    // MARK: Steps

    private mutating func builder(_ definition: QueryDefinition) throws -> TreeBuilder {
        var builder = TreeBuilder(universe)
        for step in definition.steps {
            switch step {
            case .joinDimensions(let names): builder.join(try group(names))
            case .joinDatasets(let reference, let path):
                let type = try join(reference, path, to: &builder)
                if let wanted = reference.storageClass, wanted != type.storageClass {
                    throw ButlerError(
                        .invalidQuery,
                        "Storage class '\(wanted)' for dataset type '\(type.name)' differs from the repository's "
                            + "definition '\(type.storageClass)'; a join uses no storage class, so pass it to "
                            + "datasets() instead.")
                }
            case .joinDataIDs(let dataIDs, let key): try join(dataIDs, key, to: &builder)
            case .filter(let condition):
                let context = IdentifierContext(
                    dimensions: builder.dimensions, datasets: builder.datasets.map(\.datasetType))
                try builder.filter(try predicate(condition, context))
            case .materialize(let dimensions, let datasets, let key):
                try materialize(&builder, dimensions, datasets, key)
            }
        }
        builder.validatesGovernors = definition.validatesGovernors
        return builder
    }

    private func join(
        _ reference: DatasetTypeReference, _ path: SearchPath, to builder: inout TreeBuilder
    ) throws -> DatasetType {
        let isJoined = builder.datasets.contains { $0.datasetType == reference.name }
        let collections: [String]?
        switch path {
        case .names(let names): collections = names
        case .patterns(let patterns): collections = try environment.collections(matching: patterns)
        case .standard:
            guard isJoined || !environment.defaultCollections.isEmpty else {
                throw ButlerError(
                    .invalidQuery,
                    "No collections provided and no default collections; name those to search for datasets of type "
                        + "'\(reference.name)'.")
            }
            collections = isJoined ? nil : environment.defaultCollections
        }
        let type = try environment.datasetType(reference.name)
        if let dimensions = reference.dimensions, dimensions != type.dimensions {
            throw ButlerError(
                .invalidQuery,
                "Given dimensions \(dimensions) for dataset type '\(type.name)' do not match the registered dimensions "
                    + "\(type.dimensions).")
        }
        try builder.join(type, in: collections)
        return type
    }

    private mutating func join(
        _ dataIDs: [DataCoordinate], _ key: DatasetID, to builder: inout TreeBuilder
    ) throws(ButlerError) {
        guard let group = dataIDs.first?.group else {
            throw ButlerError(.invalidQuery, "Cannot upload an empty data coordinate set; join at least one data ID.")
        }
        var seen: Set<[DataIDValue]> = []
        var rows: [[DataIDValue]] = []
        for dataID in dataIDs {
            guard dataID.group == group else {
                throw ButlerError(
                    .invalidQuery,
                    "Inconsistent dimensions: \(group) != \(dataID.group). Data IDs that are joined together must have "
                        + "the same dimensions.")
            }
            let row = Array(dataID.requiredValues)
            if seen.insert(row).inserted { rows.append(row) }
        }
        let joined = QueryTree.JoinedRows(key: key, dimensions: group)
        inputs.append(.upload(joined, rows: rows))
        builder.join(upload: joined)
    }

    private mutating func materialize(
        _ builder: inout TreeBuilder, _ dimensions: [String]?, _ datasets: [String]?, _ key: DatasetID
    ) throws {
        let joined = Set(builder.datasets.map(\.datasetType))
        let kept = datasets.map(Set.init) ?? joined
        guard kept.isSubset(of: joined) else {
            let names = kept.subtracting(joined).sorted().map { "'\($0)'" }.joined(separator: ", ")
            throw ButlerError(.invalidQuery, "Dataset(s) {\(names)} are not present in the query; join them first.")
        }
        let group = try dimensions.map { try self.group($0) } ?? builder.dimensions
        builder.join(group)
        let rows = QueryTree.JoinedRows(key: key, dimensions: group)
        inputs.append(
            .materialization(rows, try builder.tree(), datasets: kept, allowsDuplicateOverlaps: false))
        builder = try builder.materialized(as: rows, keeping: kept)
    }

    // MARK: General results

    private func general(
        _ names: [String], _ columns: [String], _ findFirst: Bool?, withRecords: Bool, in builder: TreeBuilder
    ) throws -> ResultSpecification.General {
        var group = try self.group(names)
        let context = IdentifierContext(dimensions: group, datasets: builder.datasets.map(\.datasetType))
        var elementFields: [DimensionElement: Set<Int>] = [:]
        var datasetFields: [String: Set<DatasetField>] = [:]
        for name in columns {
            guard case .column(let column) = try context.expression(named: name) else {
                throw ButlerError(.invalidQuery, "'\(name)' is not a column, which a general result needs.")
            }
            switch column {
            case .dimensionKey(let dimension):
                group = group.union(universe.group(conforming: DimensionSet([dimension.position])))
            case .dimensionField(let element, let index):
                elementFields[element, default: []].insert(index)
                group = group.union(universe.group(conforming: element.requiredSet))
            case .datasetField(let type, let field): datasetFields[type, default: []].insert(field)
            }
        }
        for (type, fields) in datasetFields.sorted(by: { $0.key < $1.key }) {
            if fields.contains(.timespan), findFirst != false {
                throw ButlerError(
                    .invalidQuery,
                    "find_first=False must be passed explicitly if \(type).timespan is included in query results.")
            }
            guard let search = builder.datasets.first(where: { $0.datasetType == type }) else {
                throw ButlerError(
                    .invalidQuery,
                    "A search for dataset type '\(type)' must be explicitly joined into the query before including its "
                        + "fields in query results.")
            }
            group = group.union(search.dimensions)
        }
        guard findFirst != nil || datasetFields.isEmpty else {
            throw ButlerError(
                .invalidQuery, "find_first must be passed if dataset fields are included in query results.")
        }
        return try ResultSpecification.General(
            dimensions: group, dimensionFields: elementFields, datasetFields: datasetFields, withRecords: withRecords,
            findFirst: findFirst ?? false)
    }

    // MARK: Conditions

    private mutating func predicate(_ condition: QueryCondition, _ context: IdentifierContext) throws -> Predicate {
        switch condition {
        case .expression(let text, let bind):
            return try Predicate(
                text, in: IdentifierContext(dimensions: context.dimensions, datasets: context.datasets, bind: bind))
        case .dataID(let values): return try Predicate(dataID: values, in: universe)
        case .predicate(let predicate): return predicate
        case .comparison(let a, let operation, let b):
            return Predicate(try .comparing(try operand(a, context), operation, try operand(b, context)))
        case .isTrue(let column): return Predicate(try .truth(of: try reference(column, context)))
        case .isNull(let column): return Predicate(.isNull(try context.expression(named: column.name)))
        case .isInList(let column, let values):
            return Predicate(
                try .container(try context.expression(named: column.name), values.map { .literal($0) }))
        case .isInRange(let column, let range, let step):
            let (stop, overflow) = range.upperBound.addingReportingOverflow(1)
            return Predicate(
                try .range(
                    try context.expression(named: column.name), start: range.lowerBound, stop: overflow ? nil : stop,
                    step: step))
        case .isInQuery(let member, let column, let query):
            var other = try builder(query)
            let inner = IdentifierContext(dimensions: other.dimensions, datasets: other.datasets.map(\.datasetType))
            let reference = try reference(column, inner)
            other.join(universe.group(conforming: reference.dimensions))
            return Predicate(
                try .query(try context.expression(named: member.name), column: reference, try other.tree()))
        case .and(let a, let b): return try predicate(a, context).and(try predicate(b, context))
        case .or(let a, let b): return try predicate(a, context).or(try predicate(b, context))
        case .not(let operand): return try predicate(operand, context).negated()
        }
    }

    private func operand(_ operand: QueryOperand, _ context: IdentifierContext) throws(ButlerError) -> ColumnExpression
    {
        switch operand {
        case .column(let column): try context.expression(named: column.name)
        case .literal(let literal): .literal(literal)
        case .negated(let other): try .negative(try self.operand(other, context))
        case .arithmetic(let a, let operation, let b):
            try .combining(try self.operand(a, context), operation, try self.operand(b, context))
        }
    }

    private func reference(_ column: QueryColumn, _ context: IdentifierContext) throws(ButlerError) -> ColumnReference {
        guard case .column(let reference) = try context.expression(named: column.name) else {
            throw ButlerError(.invalidQuery, "'\(column.name)' is not a column.")
        }
        return reference
    }
}
