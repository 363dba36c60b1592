import Felis

/// Makes the tables of a schema in a database, and takes them away.
public struct SchemaCreation: Sendable {
    public enum Preparation: Sendable {
        /// Use what is there.
        case none
        /// Make the database's schema unless it is there.
        case initialize
        /// Remove all that is there first.
        case drop
    }

    public let definitions: SchemaDefinitions

    public init(_ definitions: SchemaDefinitions) { self.definitions = definitions }

    private var dialect: Dialect { definitions.dialect }

    /// The statements that go before those of the tables.
    public func preparation(_ preparation: Preparation) -> [Statement] {
        guard let name = definitions.schemaName.map({ dialect.quoted($0) }) else {
            guard preparation == .drop else { return [] }
            return definitions.schema.tables.reversed().map { table in
                Statement(.other, "DROP TABLE IF EXISTS \(definitions.name(of: table))")
            }
        }
        let word = dialect == .mysql ? "DATABASE" : "SCHEMA"
        switch preparation {
        case .none: return []
        case .initialize: return [Statement(.other, "CREATE \(word) IF NOT EXISTS \(name)")]
        case .drop:
            let cascade = dialect == .mysql ? "" : " CASCADE"
            return [
                Statement(.other, "DROP \(word) IF EXISTS \(name)\(cascade)"),
                Statement(.other, "CREATE \(word) \(name)"),
            ]
        }
    }

    /// Makes the tables that are not there yet; those that are stay as they are.
    ///
    /// - Returns: the statements that were run.
    public func create(in database: any SchemaDatabase, preparation: Preparation) async throws -> [Statement] {
        let before = self.preparation(preparation)
        var existing: Set<String> = []
        if preparation != .drop { existing = try await database.tableNames(schema: definitions.schemaName) }
        // Keys may point to tables that are there, so the definitions are those of the whole schema.
        let statements = before + (try definitions.statements(without: existing))
        try await database.run(statements)
        return statements
    }

    /// The indexes that are missing, made. Those that are there, by name, stay.
    public func createIndexes(in database: any SchemaDatabase) async throws -> (made: [String], kept: [String]) {
        let existing = try await database.indexNames(schema: definitions.schemaName)
        var made: [String] = []
        var kept: [String] = []
        var statements: [Statement] = []
        let all = try definitions.indexStatements()
        for (index, statement) in zip(definitions.schema.tables.flatMap(\.indexes), all) {
            if existing.contains(index.name) {
                kept.append(index.name)
            } else {
                made.append(index.name)
                statements.append(statement)
            }
        }
        try await database.run(statements)
        return (made, kept)
    }

    /// The schema's indexes, removed. Those that are not there are left out.
    public func dropIndexes(in database: any SchemaDatabase) async throws -> (dropped: [String], missing: [String]) {
        let existing = try await database.indexNames(schema: definitions.schemaName)
        var dropped: [String] = []
        var missing: [String] = []
        var statements: [Statement] = []
        for table in definitions.schema.tables {
            for index in table.indexes {
                guard existing.contains(index.name) else {
                    missing.append(index.name)
                    continue
                }
                dropped.append(index.name)
                statements.append(dropStatement(index, of: table))
            }
        }
        try await database.run(statements)
        return (dropped, missing)
    }

    /// The statements that remove all indexes of the schema.
    public func indexRemovals() -> [Statement] {
        definitions.schema.tables.flatMap { table in table.indexes.map { dropStatement($0, of: table) } }
    }

    func dropStatement(_ index: Index, of table: Table) -> Statement {
        let name = dialect.quoted(index.name)
        switch dialect {
        case .sqlite: return Statement(.other, "DROP INDEX \(name)")
        case .postgresql:
            let schema = definitions.schemaName.map { dialect.quoted($0) + "." } ?? ""
            return Statement(.other, "DROP INDEX \(schema)\(name)")
        case .mysql: return Statement(.other, "DROP INDEX \(name) ON \(definitions.name(of: table))")
        }
    }
}

extension SchemaDatabase {
    /// The names of the tables of a schema; of all tables for SQLite.
    public func tableNames(schema: String?) async throws -> Set<String> {
        let query =
            switch dialect {
            case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'"
            case .postgresql, .mysql:
                "SELECT table_name FROM information_schema.tables WHERE table_schema = \(dialect.literal(schema ?? ""))"
            }
        return Set(try await rows(query).compactMap { $0.first ?? nil })
    }

    /// The names of the indexes of a schema that definitions made, not those of keys.
    public func indexNames(schema: String?) async throws -> Set<String> {
        let query =
            switch dialect {
            case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            case .postgresql: "SELECT indexname FROM pg_indexes WHERE schemaname = \(dialect.literal(schema ?? ""))"
            case .mysql:
                "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = "
                    + dialect.literal(schema ?? "")
            }
        return Set(try await rows(query).compactMap { $0.first ?? nil })
    }
}
