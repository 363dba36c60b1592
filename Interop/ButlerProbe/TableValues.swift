import Butler
import ButlerModel
import Datastore
import StructuredData
import Tables

/// Datasets that are tables, passed as the text of ECSV files.
extension ProbeSession {
    func putTable(_ command: DocumentReader) async throws -> StructuredValue {
        var table = try Table(ecsv: try command.required("ecsv").string())
        let levels = try command.optional("levels")?.strings()
        let index = try command.optional("index")?.strings()
        if levels != nil || index != nil {
            try table.setPandasLayout(PandasLayout(indexColumns: index ?? [], levelNames: levels ?? [nil]))
        }
        let ref = try await butler.put(
            .table(table), try command.required("type").string(),
            dataID: try DataCoordinate.mapping(wire: try command.required("data_id")),
            run: try command.required("run").string())
        return ref.wire
    }

    func getTable(_ command: DocumentReader) async throws -> StructuredValue {
        guard let id = DatasetID(try command.required("id").string()),
            let ref = try await butler.registry.read({ try $0.dataset(id) })
        else { throw command.failure("names no dataset") }
        let groups = try command.optional("filters")?.items().map { group in
            try group.items().map { filter in
                let parts = try filter.items()
                guard parts.count == 3, let comparison = TableFilter.Comparison(rawValue: try parts[1].string()) else {
                    throw filter.failure("must be a column, a comparison and a value")
                }
                let value = parts[2].value
                return TableFilter(try parts[0].string(), comparison, anyOf: value.arrayValue ?? [value])
            }
        }
        let parameters = ReadParameters(
            columns: try command.optional("columns")?.strings(), filters: groups ?? [],
            stripsAstropyMetadata: try command.optional("strip")?.bool() ?? false)
        return try Self.describe(try await butler.get(Table.self, ref, parameters: parameters))
    }

    static func describe(_ table: Table) throws -> StructuredValue {
        [
            "ecsv": .string(String(decoding: try table.ecsv(), as: UTF8.self)),
            "rows": .int(Int64(table.rowCount)), "schema_metadata": .object(table.schemaMetadata),
        ]
    }
}
