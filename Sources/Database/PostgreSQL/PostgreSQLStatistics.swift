/// What the server knows of the tables that others refer to.
///
/// It looks up what each new row refers to by a plan that goes by its statistics. They come a minute after a table has been
/// filled, or not at all where nobody cares for that. Until then it may take an index of a part of the key and read all that
/// has it: each of a thousand exposures of an instrument to find one.
enum PostgreSQLStatistics {
    /// Has the server look at tables of which it has no statistics, if they are more than a page and the user may ask for it.
    ///
    /// Until the transaction ends nobody can change the definition of a table that is looked at, or refer to it by a new one.
    /// If it is undone, the statistics are gone, but not what the server has noted: that it has looked, so that it will not
    /// by itself before much has changed. So this has a transaction of its own, or is for rows that are undone with it.
    /// Nobody is waited for.
    ///
    /// - Parameter tables: quoted names; those of no table are passed over.
    /// - Complexity: a query, and for each table a sample of 30,000 rows at most.
    static func gather(_ handle: PostgreSQLHandle, of tables: some Collection<String>) throws {
        let names = tables.compactMap { SQLValue.text($0).plainLiteral.map { "to_regclass(\($0))" } }
        guard !names.isEmpty else { return }
        let unknown = try handle.run(
            """
            SELECT pg_class.oid::regclass::text FROM pg_catalog.pg_class \
            JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace \
            WHERE pg_class.oid IN (\(names.joined(separator: ", "))) AND relkind = 'r' \
            AND pg_relation_size(pg_class.oid) > 8192 AND pg_has_role(relowner, 'USAGE') \
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats WHERE schemaname = nspname AND tablename = relname) ORDER BY 1
            """)
        for row in 0..<unknown.rowCount {
            guard let name = unknown.text(row: row) else { continue }
            try handle.run("ANALYZE (SKIP_LOCKED) \(name)")
        }
    }
}
