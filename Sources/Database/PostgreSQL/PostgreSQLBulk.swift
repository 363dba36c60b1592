/// Inserts of many rows at once.
enum PostgreSQLBulk {
    /// How many rows are collected before they are sent.
    static let chunkSize = 10_000
    /// Fewer rows than these are inserted one by one.
    static let fewestRows = 16
    /// From so many rows on a plain insert is a `COPY`.
    static let fewestCopiedRows = 500

    /// Whether rows may be copied in, which knows neither conflicts nor expressions.
    static func suitsCopy(_ insert: BulkInsert) -> Bool {
        guard case .fail = insert.conflictRule, insert.columns.allSatisfy(\.type.hasBinaryForm) else { return false }
        return insert.table.autoincrementColumn.map { insert.columns.contains($0) } ?? true
    }

    /// Whether one statement may insert all of the rows: an upsert must not meet the same row twice.
    static func suits(_ rows: [[SQLValue]], _ insert: BulkInsert) -> Bool {
        guard case .update(let key, _) = insert.conflictRule else { return true }
        let places = key.map { name in insert.columns.firstIndex { $0.name == name } }
        var seen = Set<[SQLValue]>(minimumCapacity: rows.count)
        for row in rows where !seen.insert(places.map { $0.map { row[$0] } ?? .null }).inserted { return false }
        return true
    }
}
