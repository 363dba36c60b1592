/// What the server knows of the tables that others refer to.
///
/// It looks up what each new row refers to by a plan that goes by its statistics. They come a minute after a table has been
/// filled, or not at all where nobody cares for that. Until then it may take an index of a part of the key and read all that
/// has it: each of a thousand exposures of an instrument to find one.
enum PostgreSQLStatistics {
    /// Has the server look at the tables that a table refers to, if it never has, they are more than a page, and the user
    /// may ask for it. Nobody is waited for, and until the transaction ends others are only kept from doing the same.
    ///
    /// - Parameter table: quoted.
    /// - Complexity: a query, and for each such table a sample of 30,000 rows at most.
    static func gather(_ handle: PostgreSQLHandle, referredToBy table: String) throws {
        // -1 rows since version 14, before that none.
        let unknown = try handle.run(
            """
            SELECT DISTINCT confrelid::regclass::text FROM pg_catalog.pg_constraint \
            JOIN pg_catalog.pg_class ON pg_class.oid = confrelid \
            WHERE conrelid = \(SQLValue.text(table).plainLiteral ?? "NULL")::regclass AND contype = 'f' AND relkind = 'r' \
            AND reltuples <= 0 AND pg_relation_size(confrelid) > 8192 AND pg_has_role(relowner, 'USAGE')
            """)
        for row in 0..<unknown.rowCount {
            guard let name = unknown.text(row: row) else { continue }
            try handle.run("ANALYZE (SKIP_LOCKED) \(name)")
        }
    }
}
