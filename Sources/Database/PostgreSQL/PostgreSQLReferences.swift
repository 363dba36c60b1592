import CLibPQ

/// What rows of a table refer to, looked up for many rows at once.
///
/// The server looks up what each row refers to and locks it against removal, row by row. Where a thousand rows refer to
/// the same few that is most of the work of a load. Here each of those is looked up and locked once, with the lock that
/// the server takes (`FOR KEY SHARE`), before the rows are stored without its own checks
/// (`session_replication_role`). So what is stored is the same, and nobody is kept from more than before.
struct PostgreSQLReferences {
    /// A foreign key of the table.
    struct Key: Equatable {
        let constraint: String
        /// The columns that refer, by their names.
        let columns: [String]
        /// The table referred to and its columns, quoted.
        let target: String
        let targetColumns: [String]

        /// Counts the rows with one of the keys that are given as a list for each column, and keeps them until the end.
        var statement: String {
            let names = targetColumns.joined(separator: ", ")
            let lists = targetColumns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
            let condition = columns.count == 1 ? "\(names) = ANY($1)" : "(\(names)) IN (SELECT * FROM unnest(\(lists)))"
            return "SELECT count(*)::text FROM (SELECT FROM \(target) WHERE \(condition) FOR KEY SHARE) AS found"
        }

        /// The keys that the rows hold, each once, as a list for each column. Those with a NULL refer to nothing.
        func lists(_ rows: [[SQLValue]], places: [Int]) -> [[SQLValue]] {
            var seen = Set<[SQLValue]>()
            var lists = [[SQLValue]](repeating: [], count: places.count)
            var last: [SQLValue] = []
            for row in rows {
                let key = places.map { row[$0] }
                // Neighbours refer to the same more often than not.
                guard key != last else { continue }
                last = key
                guard !key.contains(.null), seen.insert(key).inserted else { continue }
                for (index, value) in key.enumerated() { lists[index].append(value) }
            }
            return lists
        }
    }

    private let keys: [Key]

    /// Looks at the definition of a table, which cannot change before the transaction ends.
    ///
    /// - Parameter table: quoted.
    /// - Returns: `nil` for a table whose rows need more of the server than these checks: triggers of its owner, checks
    ///   that wait for the end of the transaction, references within the table, parts.
    init?(_ handle: PostgreSQLHandle, table: String) throws {
        try handle.run("LOCK TABLE \(table) IN ROW EXCLUSIVE MODE")
        let found = try handle.run(Self.definition(SQLValue.text(table).plainLiteral ?? "NULL"))
        guard found.text() == "t" else { return nil }
        keys = (1..<found.rowCount).map { row in
            func list(_ column: Int) -> [String] {
                found.text(row: row, column: column)?.split(separator: "\n").map(String.init) ?? []
            }
            return Key(
                constraint: found.text(row: row, column: 1) ?? "", columns: list(2),
                target: found.text(row: row, column: 3) ?? "", targetColumns: list(4))
        }
    }

    /// The first row says whether there is nothing but checks of these keys; the others are the keys.
    private static func definition(_ table: String) -> String {
        func names(_ numbers: String, of relation: String, _ form: String) -> String {
            """
            (SELECT string_agg(\(form)(attname), E'\\n' ORDER BY place) \
            FROM unnest(\(numbers)) WITH ORDINALITY AS k(number, place) \
            JOIN pg_catalog.pg_attribute ON attrelid = \(relation) AND attnum = number)
            """
        }
        return """
            SELECT relkind = 'r' AND NOT relispartition AND NOT relhasrules \
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger \
            WHERE tgrelid = pg_class.oid AND NOT tgisinternal AND tgenabled <> 'D') \
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = pg_class.oid AND \
            (condeferrable OR contype = 'f' AND (confrelid = conrelid OR confmatchtype <> 's'))), \
            NULL, NULL, NULL, NULL \
            FROM pg_catalog.pg_class WHERE oid = \(table)::regclass UNION ALL \
            SELECT NULL, conname, \(names("conkey", of: "conrelid", "text")), \
            quote_ident(nspname) || '.' || quote_ident(relname), \(names("confkey", of: "confrelid", "quote_ident")) \
            FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_class ON pg_class.oid = confrelid \
            JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace \
            WHERE conrelid = \(table)::regclass AND contype = 'f' ORDER BY 1 NULLS LAST, 2
            """
    }

    /// Whether the user may do without the server's checks.
    ///
    /// - Throws: ``DatabaseError/permissionDenied(_:reason:)``, which says what is needed.
    static func checkRight(_ handle: PostgreSQLHandle) throws {
        do {
            try handle.run("SELECT set_config('session_replication_role', 'replica', true)")
        } catch DatabaseError.permissionDenied(let name, _) {
            throw DatabaseError.permissionDenied(
                name,
                reason: "registry.references_together needs the right SET ON PARAMETER session_replication_role, which "
                    + "PostgreSQL has since version 15")
        }
    }

    /// Whether all that the rows refer to is in the columns that an insert names, and nothing in defaults.
    func suit(_ insert: BulkInsert) -> Bool {
        let names = Set(insert.columns.map(\.name))
        return keys.allSatisfy { names.isSuperset(of: $0.columns) }
    }

    private func run(
        _ key: Key, _ values: PostgreSQLValues, _ insert: BulkInsert, _ handle: PostgreSQLHandle
    ) throws -> PostgreSQLResult {
        do {
            return try handle.run(key.statement, values, table: insert.table.name)
        } catch DatabaseError.permissionDenied(let name, let reason) {
            // The server's own checks look as the owner of the table; here the user does.
            throw DatabaseError.permissionDenied(
                name,
                reason: "\(reason), and registry.references_together needs the rights SELECT and UPDATE, this of one "
                    + "column at least, on \(key.target), whose rows it locks while others refer to them")
        }
    }

    /// Locks what the rows refer to.
    ///
    /// - Throws: ``DatabaseError/constraintViolation(_:)`` when something is missing;
    ///   ``DatabaseError/permissionDenied(_:reason:)`` when the user may not lock it. Nothing is changed then.
    func lock(for rows: [[SQLValue]], _ insert: BulkInsert, _ handle: PostgreSQLHandle) throws {
        for key in keys {
            let places = key.columns.compactMap { name in insert.columns.firstIndex { $0.name == name } }
            let lists = key.lists(rows, places: places)
            guard let count = lists.first?.count, count > 0 else { continue }
            let values = try PostgreSQLValues(lists.map { .array($0) })
            let found = try run(key, values, insert, handle)
            guard found.text() == String(count) else {
                throw DatabaseError.constraintViolation(
                    ConstraintViolation(
                        kind: .foreignKey, table: insert.table.name, columns: key.columns, constraint: key.constraint,
                        database: handle.session.name))
            }
        }
    }
}
