import ButlerModel
import Database

/// Datasets by identifier.
extension RegistrySnapshot {
    /// The dataset with this identifier, its data ID with required values only; `nil` when there is none.
    public func dataset(_ id: DatasetID) throws -> DatasetRef? { try datasets([id]).first }

    /// The datasets with these identifiers, in no particular order; unknown ones are left out.
    /// Cost: one query for each dataset type among them and thousand identifiers.
    public func datasets(_ ids: [DatasetID]) throws -> [DatasetRef] {
        if ids.count > 100, let low = ids.min(), let high = ids.max(),
            try !connection.hasValues(from: low.uuid, to: high.uuid, in: "\(column: "id")", of: "\(table: "dataset")")
        {
            return []
        }
        var byType: [Int64: [(id: DatasetID, run: Int64)]] = [:]
        for chunk in Set(ids).chunked(by: 1000) {
            let statement: SQL = """
                SELECT \(column: "id"), \(column: "dataset_type_id"), \(column: "run_id") FROM \(table: "dataset") \
                WHERE \(SQL.isIn("\(column: "id")", chunk.map { .uuid($0.uuid) }))
                """
            try connection.query(statement) { row in
                byType[try row.int(1), default: []].append((DatasetID(try row.uuid(0)), try row.int(2)))
            }
        }
        var refs: [DatasetRef] = []
        for (typeKey, members) in byType {
            guard let stored = catalog.datasetTypes.byKey[typeKey] else { continue }
            for chunk in members.chunked(by: 1000) { refs += try read(stored, chunk) }
        }
        return refs
    }

    private func read(_ stored: StoredDatasetType, _ members: [(id: DatasetID, run: Int64)]) throws -> [DatasetRef] {
        let group = stored.type.dimensions
        let runs = Dictionary(members.map { ($0.id, $0.run) }, uniquingKeysWith: { first, _ in first })
        // Every dataset is in the tags table as a member of its run.
        let statement: SQL = """
            SELECT \(column: "dataset_id"), \(column: "collection_id")\(group.selection(of: nil)) \
            FROM \(table: stored.tagsTable) \
            WHERE \(column: "dataset_type_id") = \(value: stored.key) AND \
            \(SQL.isIn("\(column: "dataset_id")", members.map { .uuid($0.id.uuid) }))
            """
        var refs: [DatasetRef] = []
        try connection.query(statement) { row in
            let id = DatasetID(try row.uuid(0))
            let collection = try row.int(1)
            guard runs[id] == collection, let run = catalog.collections[collection] else { return }
            refs.append(
                DatasetRef(
                    id: id, datasetType: stored.type,
                    dataID: DataCoordinate(group: group, values: try group.requiredValues(row, from: 2)),
                    run: run.name))
        }
        return refs
    }
}

extension DimensionGroup {
    /// `, a, b, c`: the columns of the required dimensions, to follow other columns of a select list.
    func selection(of alias: String?) -> SQL {
        var list: SQL = ""
        for name in requiredNames { list += ", \(column: name, of: alias)" }
        return list
    }

    /// The values of the required dimensions out of consecutive columns.
    func requiredValues(_ row: any DatabaseRow, from first: Int) throws -> [DataIDValue] {
        var values: [DataIDValue] = []
        values.reserveCapacity(keys.count)
        for (offset, position) in required.enumerated() {
            if case .int? = universe.elements[position].primaryKey?.type {
                values.append(.int(try row.int(first + offset)))
            } else {
                values.append(.string(try row.text(first + offset)))
            }
        }
        return values
    }
}

extension Collection {
    /// Consecutive parts of at most `size` elements.
    func chunked(by size: Int) -> [[Element]] {
        if count <= size { return isEmpty ? [] : [Array(self)] }
        var chunks: [[Element]] = []
        var start = startIndex
        while start != endIndex {
            let end = index(start, offsetBy: size, limitedBy: endIndex) ?? endIndex
            chunks.append(Array(self[start..<end]))
            start = end
        }
        return chunks
    }
}
