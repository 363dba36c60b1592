import ButlerModel
import Query
import QueryModel
import Registry
import StructuredData
import Testing

let cam1: [String: DataIDValue] = ["instrument": "Cam1"]
let skyMap1: [String: DataIDValue] = ["skymap": "SkyMap1"]
let everywhere = cam1.merging(skyMap1) { $1 }

/// What the reference's checklist writes in parentheses: joins, conditions, order.
struct TestQuery {
    var expression = ""
    var bind: [String: BindValue] = [:]
    var id: [String: DataIDValue] = [:]
    var joins: [(type: String, path: [String])] = []
    var order: [String] = []
    var limit: Int?
    var findFirst = true
    var withRecords = false
    var defaults: [String: DataIDValue] = [:]
    var validates = true
    /// A condition that has no spelling as text.
    var predicate = Predicate.alwaysTrue
    var uploads: [(rows: QueryTree.JoinedRows, values: [[DataIDValue]])] = []

    static func `where`(
        _ expression: String = "", bind: [String: BindValue] = [:], id: [String: DataIDValue] = [:],
        joining joins: [(type: String, path: [String])] = [], order: [String] = [], limit: Int? = nil,
        findFirst: Bool = true, withRecords: Bool = false, defaults: [String: DataIDValue] = [:], validates: Bool = true
    ) -> TestQuery {
        TestQuery(
            expression: expression, bind: bind, id: id, joins: joins, order: order, limit: limit, findFirst: findFirst,
            withRecords: withRecords, defaults: defaults, validates: validates)
    }
}

/// A query ready to run.
struct Prepared: Sendable {
    var request: QueryRequest
    var result: ResultSpecification
}

extension QueryRepository {
    // MARK: Building

    func builder(_ query: TestQuery, dimensions: DimensionGroup, datasets: [String] = []) async throws -> TreeBuilder {
        var builder = TreeBuilder(universe)
        builder.validatesGovernors = query.validates
        builder.join(dimensions)
        for (name, path) in query.joins {
            try builder.join(try await registry.read { try $0.datasetType(name) }, in: path)
        }
        for (rows, _) in query.uploads { builder.join(upload: rows) }
        let context = IdentifierContext(
            dimensions: builder.dimensions, datasets: Set(datasets + query.joins.map(\.type)).sorted(), bind: query.bind
        )
        try builder.filter(query.id)
        try builder.filter(try Predicate(query.expression, in: context))
        try builder.filter(query.predicate)
        return builder
    }

    private func prepared(
        _ query: TestQuery, _ kind: ResultSpecification.Kind, datasets: [String] = [], dimensions: DimensionGroup
    ) async throws -> Prepared {
        let builder = try await builder(query, dimensions: dimensions, datasets: datasets)
        let context = IdentifierContext(dimensions: dimensions, datasets: datasets)
        let result = ResultSpecification(
            kind, order: try query.order.map { try OrderTerm($0, in: context) }, limit: query.limit)
        let inputs = query.uploads.map { QueryInput.upload($0.rows, rows: $0.values) }
        return Prepared(
            request: QueryRequest(try builder.tree(), inputs: inputs, defaults: query.defaults), result: result)
    }

    func dataIDs(_ names: [String], _ query: TestQuery = TestQuery()) async throws -> Prepared {
        let group = try universe.group(names)
        return try await prepared(query, .dataCoordinates(group, withRecords: query.withRecords), dimensions: group)
    }

    func records(of name: String, _ query: TestQuery = TestQuery()) async throws -> Prepared {
        let result = ResultSpecification.records(of: try universe.requireElement(name), in: universe)
        return try await prepared(query, result.kind, dimensions: result.dimensions)
    }

    func datasets(_ name: String, _ path: [String], _ query: TestQuery = TestQuery()) async throws -> Prepared {
        var query = query
        query.joins.append((name, path))
        let type = try await registry.read { try $0.datasetType(name) }
        let refs = ResultSpecification.DatasetRefs(
            datasetType: name, dimensions: type.dimensions, storageClass: type.storageClass,
            withRecords: query.withRecords, findFirst: query.findFirst)
        return try await prepared(query, .datasetRefs(refs), datasets: [name], dimensions: type.dimensions)
    }

    /// - Parameter fields: `element.field` or `dataset type.field`.
    func general(_ names: [String], _ fields: [String], _ query: TestQuery = TestQuery()) async throws -> Prepared {
        var dimensionFields: [DimensionElement: Set<Int>] = [:]
        var datasetFields: [String: Set<DatasetField>] = [:]
        for name in fields {
            let parts = name.split(separator: ".").map(String.init)
            if let element = universe.element(parts[0]) {
                guard case .dimensionField(_, let column) = try ColumnReference.field(parts[1], of: element) else {
                    continue
                }
                dimensionFields[element, default: []].insert(column)
            } else {
                datasetFields[parts[0], default: []].insert(try #require(DatasetField(rawValue: parts[1])))
            }
        }
        let group = try universe.group(names)
        let general = try ResultSpecification.General(
            dimensions: group, dimensionFields: dimensionFields, datasetFields: datasetFields,
            withRecords: query.withRecords, findFirst: query.findFirst)
        return try await prepared(
            query, .general(general), datasets: Array(datasetFields.keys), dimensions: group)
    }

    // MARK: Running

    /// The rows of a result in short texts: `detector=1,visit=2`, `bias@g{1}`, `1` for a record, `a=1 b.c=x` for
    /// general rows. Both writers are run and must agree, also about errors.
    func rows(_ prepared: Prepared, sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String] {
        var pages: [ResultPage] = []
        do {
            for try await page in registry.pages(prepared.request, prepared.result) { pages.append(page) }
        } catch let error as ButlerError {
            let other = await #expect(throws: ButlerError.self, sourceLocation: sourceLocation) {
                for try await _ in self.registry.lines(prepared.request, prepared.result) {}
            }
            #expect(other == error, sourceLocation: sourceLocation)
            throw error
        }
        var lines: [StructuredValue] = []
        for try await page in registry.lines(prepared.request, prepared.result) {
            #expect(page.bytes.last == UInt8(ascii: "\n"), sourceLocation: sourceLocation)
            #expect(String(decoding: page.bytes, as: UTF8.self).split(whereSeparator: \.isNewline).count == 1)
            lines.append(try StructuredValue(json: page.bytes.dropLast()))
        }
        #expect(
            lines.flatMap { $0["rows"]?.arrayValue ?? [] } == pages.flatMap(\.wireRows), sourceLocation: sourceLocation)
        return pages.flatMap(\.shortTexts)
    }

    /// Fails unless the query throws a `ButlerError` of this kind whose text holds `fragment`.
    func expectError(
        _ kind: ButlerError.Kind, _ fragment: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ make: () async throws -> Prepared
    ) async {
        let error = await #expect(throws: ButlerError.self, sourceLocation: sourceLocation) {
            _ = try await rows(try await make())
        }
        guard let error else { return }
        #expect(error.kind == kind, "\(error)", sourceLocation: sourceLocation)
        #expect(error.message.contains(fragment), "\(error)", sourceLocation: sourceLocation)
    }

    func count(_ prepared: Prepared, isExact: Bool = true, discards: Bool = false) async throws -> Int {
        try await registry.count(prepared.request, prepared.result, isExact: isExact, discards: discards)
    }
}

extension ResultPage {
    fileprivate var wireRows: [StructuredValue] {
        switch self {
        case .dataCoordinates(let rows): rows.map(\.wire)
        case .dimensionRecords(let rows): rows.map(\.wire)
        case .datasetRefs(let rows): rows.map(\.wire)
        case .general(let rows): rows.map { .array($0.values.map(\.wire)) }
        }
    }

    fileprivate var shortTexts: [String] {
        switch self {
        case .dataCoordinates(let rows): rows.map(\.shortText)
        case .dimensionRecords(let rows):
            rows.map { record in
                zip(record.element.required, record.requiredValues)
                    .filter { position, _ in record.element.required.count == 1 || !record.element.isGovernor(position)
                    }
                    .map { "\($1)" }.joined(separator: ",")
            }
        case .datasetRefs(let rows):
            rows.map { ref in
                let values = zip(ref.dataID.group.requiredNames, ref.dataID.requiredValues)
                    .filter { $0.0 != "instrument" && $0.0 != "skymap" }.map { "\($1)" }
                return
                    "\(ref.datasetType.name)@\(ref.run.replacing("imported_", with: "")){\(values.joined(separator: ","))}"
            }
        case .general(let rows):
            rows.map { row in
                zip(row.columns, row.values).filter { !["instrument", "skymap"].contains($0.0.description) }
                    .map { "\($0)=\($1.shortText)" }.joined(separator: " ")
            }
        }
    }
}

extension DimensionElement {
    fileprivate func isGovernor(_ position: Int) -> Bool { position != self.position && required.first == position }
}

extension DataCoordinate {
    /// The required values without those of governors.
    var shortText: String {
        zip(group.requiredNames, requiredValues).filter { $0.0 != "instrument" && $0.0 != "skymap" }
            .map { "\($0)=\($1)" }.joined(separator: ",")
    }
}

extension ColumnValue {
    fileprivate var shortText: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .string(let value): value.replacing("imported_", with: "")
        case .timespan(let span): "\(span)"
        case .hash, .uuid, .region, .datetime: "…"
        }
    }
}
