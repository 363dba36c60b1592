/// What a database holds, and making tables in it.
extension PostgreSQLTransaction {
    /// A permanent table's name for `to_regclass`.
    private func reference(_ table: String) -> String { dialect.rules.tableName(table) }

    func tableExists(_ name: String) throws -> Bool {
        try fetchOne(
            """
            SELECT to_regclass(\(value: reference(name))) IS NOT NULL \
            OR to_regclass(\(value: dialect.rules.temporaryTableName(name))) IS NOT NULL
            """
        ) { try $0.bool(0) } ?? false
    }

    func hasExtension(_ name: String) throws -> Bool {
        try fetchOne("SELECT 1 FROM pg_catalog.pg_extension WHERE extname = \(value: name)") { _ in true } ?? false
    }

    func tableNames() throws -> [String] {
        try fetchAll(
            """
            SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = \(value: dialect.rules.schema ?? "public") \
            ORDER BY tablename
            """
        ) { try $0.text(0) }
    }

    func columnNames(of table: String) throws -> [String] {
        let names = try fetchAll(
            """
            SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(\(value: reference(table))) \
            AND attnum > 0 AND NOT attisdropped ORDER BY attnum
            """
        ) { try $0.text(0) }
        if names.isEmpty { throw DatabaseError.noSuchTable(table, database: displayName) }
        return names
    }

    func indexes(of table: String) throws -> [[String]] {
        let columns = try fetchAll(
            """
            SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index AS i \
            CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place) \
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number \
            WHERE i.indrelid = to_regclass(\(value: reference(table))) ORDER BY i.indexrelid, k.place
            """
        ) { (try $0.int(0), try $0.text(1)) }
        return Dictionary(grouping: columns, by: \.0).sorted { $0.key < $1.key }.map { $0.value.map(\.1) }
    }

    func roughRowCount(of table: String) -> Int? { nil }

    func createTable(_ table: TableSpecification, temporary: Bool, ifNotExists: Bool) throws {
        if ifNotExists, !temporary {
            // Users that may not make tables can work with those that there are.
            if try tableExists(table.name) { return }
            // Two clients that make one table at the same time would both find it missing, and one fail.
            try lock(name: "making of \(table.name)", isExclusive: true)
        }
        let definition = TableDefinition(table, rules: dialect.rules)
        func define() throws {
            for statement in definition.statements(temporary: temporary, ifNotExists: ifNotExists) {
                try self.define(statement, isTemporary: temporary)
            }
        }
        if temporary { return try definingTemporaryTable(define) }
        guard ifNotExists else { return try define() }
        do {
            try savepoint(define)
        } catch DatabaseError.constraintViolation(let violation) where violation.table?.hasPrefix("pg_") == true {
            // A client that does not know the lock, as Python's, has made it meanwhile.
            guard try tableExists(table.name) else { throw DatabaseError.constraintViolation(violation) }
        }
    }

    func dropTable(_ name: String, temporary: Bool) throws {
        try execute(temporary ? "DROP TABLE \(temporary: name)" : "DROP TABLE \(table: name)")
        let sequences = try temporary ? [] : fetchAll(
            """
            SELECT relname FROM pg_catalog.pg_class WHERE relkind = 'S' \
            AND relnamespace = to_regnamespace(\(value: quotedIdentifier(dialect.rules.schema ?? "public"))) \
            AND starts_with(relname, \(value: name + "_seq_"))
            """
        ) { try $0.text(0) }
        for sequence in sequences { try execute("DROP SEQUENCE \(table: sequence)") }
    }
}
