import ButlerModel
import StructuredData

// The wire form of queries. Source: remote Butler protocol reference, sections 7.1, 7.2, 7.5 and 7.6.

extension QueryTree {
    public var wire: StructuredValue {
        func joined(_ rows: [JoinedRows]) -> StructuredValue {
            .object(StructuredMapping(rows.map { ($0.key.description, $0.dimensions.wire) }))
        }
        return .object([
            "dimensions": dimensions.wire,
            "datasets": .object(StructuredMapping(datasets.map { ($0.datasetType, $0.wire) })),
            "any_dataset": anyDataset?.wire ?? .null,
            "data_coordinate_uploads": joined(uploads), "materializations": joined(materializations),
            "predicate": predicate.wire, "validateGovernorConstraints": .bool(validatesGovernors),
        ])
    }

    /// - Throws: `ButlerError` of kind `malformedModel` for what is no tree, `invalidQuery` for one whose parts do not
    ///   fit together, `dimensionName` for unknown dimensions.
    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        func joined(_ key: String) throws(ButlerError) -> [JoinedRows] {
            var rows: [JoinedRows] = []
            for (name, member) in try reader.optional(key)?.members() ?? [] {
                guard let id = DatasetID(name) else { throw member.failure("is not named by a UUID") }
                rows.append(JoinedRows(key: id, dimensions: try member.group(universe)))
            }
            return rows
        }
        var datasets: [DatasetSearch] = []
        for (name, member) in try reader.optional("datasets")?.members() ?? [] {
            datasets.append(try DatasetSearch(wire: member, datasetType: name, universe: universe))
        }
        var anyDataset: DatasetSearch?
        if let member = try reader.optional("any_dataset") {
            anyDataset = try DatasetSearch(wire: member, datasetType: DatasetSearch.anyType, universe: universe)
        }
        var predicate = Predicate.alwaysTrue
        if let member = try reader.optional("predicate") { predicate = try Predicate(wire: member, universe: universe) }
        try self.init(
            dimensions: try reader.required("dimensions").group(universe), datasets: datasets, anyDataset: anyDataset,
            uploads: try joined("data_coordinate_uploads"), materializations: try joined("materializations"),
            predicate: predicate,
            validatesGovernors: try reader.optional("validateGovernorConstraints")?.bool() ?? true)
    }
}

extension DimensionGroup {
    /// All names, in universe order.
    var wire: StructuredValue { .array(names.map { .string($0) }) }
}

extension DatasetSearch {
    var wire: StructuredValue {
        .object(["collections": .array(collections.map { .string($0) }), "dimensions": dimensions.wire])
    }

    init(wire reader: DocumentReader, datasetType: String, universe: DimensionUniverse) throws(ButlerError) {
        self.init(
            datasetType: datasetType, collections: try reader.required("collections").strings(),
            dimensions: try reader.required("dimensions").group(universe))
    }
}

extension QueryInput {
    public var wire: StructuredValue {
        switch self {
        case .upload(let target, let rows):
            .object([
                "type": "upload", "key": .string(target.key.description), "dimensions": target.dimensions.wire,
                "rows": .array(rows.map { row in .array(row.map(\.wire)) }),
            ])
        case .materialization(let target, let tree, let datasets, let allowsDuplicateOverlaps):
            .object([
                "type": "materialized", "key": .string(target.key.description), "tree": tree.wire,
                "dimensions": target.dimensions.wire,
                "datasets": .array(datasets.sorted().map { .string($0) }),
                "allow_duplicate_overlaps": .bool(allowsDuplicateOverlaps),
            ])
        }
    }

    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        let target = QueryTree.JoinedRows(
            key: try reader.required("key").datasetID(), dimensions: try reader.required("dimensions").group(universe))
        switch try reader.required("type").string() {
        case "upload":
            let items = try reader.required("rows").items()
            guard items.count <= Self.maximumUploadCount else {
                throw ButlerError(
                    .invalidQuery, "Uploaded data coordinate rows exceed limit of \(Self.maximumUploadCount)")
            }
            var rows: [[DataIDValue]] = []
            rows.reserveCapacity(items.count)
            for item in items { rows.append(try Self.row(item, target.dimensions)) }
            self = .upload(target, rows: rows)
        case "materialized":
            self = .materialization(
                target, try QueryTree(wire: try reader.required("tree"), universe: universe),
                datasets: Set(try reader.required("datasets").strings()),
                allowsDuplicateOverlaps: try reader.optional("allow_duplicate_overlaps")?.bool() ?? false)
        case let type: throw reader.failure("has the unknown type '\(type)'")
        }
    }

    /// One value for each required dimension, of the type of its key.
    private static func row(_ reader: DocumentReader, _ group: DimensionGroup) throws(ButlerError) -> [DataIDValue] {
        let items = try reader.items()
        guard items.count == group.required.count else {
            throw reader.failure("has \(items.count) values for the \(group.required.count) required dimensions of \(group)")
        }
        var values: [DataIDValue] = []
        for (item, position) in zip(items, group.required) {
            let value = try DataIDValue(wire: item)
            let isInt = group.universe.elements[position].primaryKey?.type == .int
            guard (value.intValue != nil) == isInt else {
                throw item.failure("is no value for dimension '\(group.universe.elements[position])'")
            }
            values.append(value)
        }
        return values
    }
}

extension ResultSpecification {
    public var wire: StructuredValue {
        var members: StructuredMapping
        switch kind {
        case .dataCoordinates(let group, let withRecords):
            members = [
                "result_type": "data_coordinate", "dimensions": group.wire,
                "include_dimension_records": .bool(withRecords),
            ]
        case .dimensionRecords(let element, _):
            members = ["result_type": "dimension_record", "element": .string(element.name)]
        case .datasetRefs(let refs):
            members = [
                "result_type": "dataset_ref", "dataset_type_name": .string(refs.datasetType),
                "dimensions": refs.dimensions.wire, "storage_class_name": .string(refs.storageClass),
                "include_dimension_records": .bool(refs.withRecords), "find_first": .bool(refs.findFirst),
            ]
        case .general(let general):
            let dimensionFields = general.dimensionFields.map { element, columns in
                (element.name, StructuredValue.array(columns.map { .string(element.columns[$0].name) }))
            }
            let datasetFields = general.datasetFields.map { datasetType, fields in
                (datasetType, StructuredValue.array(fields.map { .string($0.rawValue) }))
            }
            members = [
                "result_type": "general", "dimensions": general.dimensions.wire,
                "dimension_fields": .object(StructuredMapping(dimensionFields)),
                "dataset_fields": .object(StructuredMapping(datasetFields)),
                "include_dimension_records": .bool(general.withRecords), "find_first": .bool(general.findFirst),
            ]
        }
        members["order_by"] = .array(order.map(\.wire))
        members["limit"] = limit.map { .int(Int64($0)) } ?? .null
        members["allow_duplicate_overlaps"] = .bool(allowsDuplicateOverlaps)
        return .object(members)
    }

    /// - Throws: `ButlerError` of kind `malformedModel` for what is no specification, `invalidQuery` for an impossible
    ///   one.
    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        let withRecords = try reader.optional("include_dimension_records")?.bool() ?? false
        let kind: Kind
        switch try reader.required("result_type").string() {
        case "data_coordinate":
            kind = .dataCoordinates(try reader.required("dimensions").group(universe), withRecords: withRecords)
        case "dimension_record":
            let element = try universe.requireElement(try reader.required("element").string())
            kind = Self.records(of: element, in: universe).kind
        case "dataset_ref":
            kind = .datasetRefs(
                DatasetRefs(
                    datasetType: try reader.required("dataset_type_name").string(),
                    dimensions: try reader.required("dimensions").group(universe),
                    storageClass: try reader.optional("storage_class_name")?.string() ?? "", withRecords: withRecords,
                    findFirst: try reader.required("find_first").bool()))
        case "general":
            kind = .general(try Self.general(reader, withRecords: withRecords, universe: universe))
        case let type: throw reader.failure("has the unknown result type '\(type)'")
        }
        var order: [OrderTerm] = []
        for item in try reader.optional("order_by")?.items() ?? [] {
            order.append(try OrderTerm(wire: item, universe: universe))
        }
        self.init(
            kind, order: order, limit: try reader.optional("limit")?.int(),
            allowsDuplicateOverlaps: try reader.optional("allow_duplicate_overlaps")?.bool() ?? false)
    }

    private static func general(
        _ reader: DocumentReader, withRecords: Bool, universe: DimensionUniverse
    ) throws(ButlerError) -> General {
        var dimensionFields: [DimensionElement: Set<Int>] = [:]
        for (name, member) in try reader.optional("dimension_fields")?.members() ?? [] {
            let element = try universe.requireElement(name)
            var columns: Set<Int> = []
            let fields = try member.strings()
            for field in fields where !element.isKeyColumn(field) {
                guard case .dimensionField(_, let column) = try ColumnReference.field(field, of: element) else { continue }
                columns.insert(column)
            }
            if columns.isEmpty, !fields.isEmpty { continue }
            dimensionFields[element] = columns
        }
        var datasetFields: [String: Set<DatasetField>] = [:]
        for (name, member) in try reader.optional("dataset_fields")?.members() ?? [] {
            var fields: Set<DatasetField> = []
            for item in try member.items() { fields.insert(try item.datasetField()) }
            datasetFields[name] = fields
        }
        return try General(
            dimensions: try reader.required("dimensions").group(universe), dimensionFields: dimensionFields,
            datasetFields: datasetFields, withRecords: withRecords,
            findFirst: try reader.required("find_first").bool())
    }
}

extension DimensionElement {
    /// Whether the column holds a dimension's key, such as an exposure's group: results have these columns anyway.
    fileprivate func isKeyColumn(_ name: String) -> Bool {
        guard let index = columnIndex(name) else { return false }
        return switch columns[index].role {
        case .required, .implied: true
        case .alternateKey, .metadata, .region, .timespan: false
        }
    }
}
