import Database
import Felis

/// Reads the tables of a live database as a schema of the language.
///
/// A database does not know units, UCDs and places in TAP_SCHEMA, so these are absent. SQLite also keeps no
/// descriptions.
public struct SchemaExtraction: Sendable {
    /// The length of binary columns, which databases do not keep.
    public static let binaryLength = 65535

    public enum Failure: Error, Sendable, CustomStringConvertible {
        case unsupported(Dialect)
        case noTables(schema: String?)

        public var description: String {
            switch self {
            case .unsupported(let dialect): "Schemas are not read from \(dialect.rawValue) databases."
            case .noTables(nil): "The database has no tables."
            case .noTables(let schema?):
                "The database has no tables in a schema '\(schema)'; name the right one with --schema-name."
            }
        }
    }

    public let name: String
    /// The schema of the database that is read, where a database has several.
    public let schemaName: String
    /// What the language has no name for, and so is lost or written in another way.
    public private(set) var remarks: [String] = []
    /// The same for who changes the database.
    public private(set) var unsaid = UnsaidParts()
    /// Whether the schema is in the database, be it without tables.
    public private(set) var isThere = true

    public init(name: String, schemaName: String? = nil) {
        self.name = name
        self.schemaName = schemaName ?? name
    }

    /// The tables that there are.
    ///
    /// - Parameter allowsNone: take a database without tables as a schema without tables.
    /// - Throws: ``Failure``, or what the database says.
    public mutating func schema(of database: any SchemaDatabase, allowsNone: Bool = false) async throws -> Schema {
        let schema: Schema
        switch database.dialect {
        case .sqlite:
            var extraction = SQLiteExtraction(name: name)
            schema = try await extraction.schema(of: database)
            (remarks, unsaid) = (extraction.remarks, extraction.unsaid)
        case .postgresql:
            let number = PostgreSQLCatalog.schema(named: schemaName)
            let results = try await database.rows(
                PostgreSQLCatalog.queries(schema: number) + ["SELECT \(number)::text"], after: [])
            isThere = results.last?.first?.first.flatMap { $0 } != nil
            var extraction = PostgreSQLExtraction(name: name)
            schema = extraction.schema(try PostgreSQLCatalog(Array(results.dropLast())))
            (remarks, unsaid) = (extraction.remarks, extraction.unsaid)
        case .mysql: throw Failure.unsupported(.mysql)
        }
        if schema.tables.isEmpty {
            let failure = Failure.noTables(schema: database.dialect == .sqlite ? nil : schemaName)
            guard allowsNone else { throw failure }
            remarks.insert(failure.description, at: 0)
        }
        return schema
    }

    /// A schema as it would be read from the database if its tables were made there: types, defaults and conditions in
    /// the words of the database, names as long as it takes them.
    ///
    /// PostgreSQL makes the tables as temporary ones, and removes them; where that is not allowed, the schema stays as
    /// it is. For SQLite they are made in memory.
    public func asMade(_ schema: Schema, in database: any SchemaDatabase) async throws -> Schema {
        switch database.dialect {
        case .mysql: return schema
        case .sqlite:
            let statements = try SchemaDefinitions(schema, dialect: .sqlite).statements()
            let memory = try await DatabaseURL(parsing: "sqlite://").openForSchemas()
            try await memory.run(statements)
            var extraction = SQLiteExtraction(name: name)
            let made = try await extraction.schema(of: memory)
            try await memory.close()
            return made
        case .postgresql:
            let definitions = SchemaDefinitions(schema, dialect: .postgresql, options: .init(schemaName: "pg_temp"))
            let queries = PostgreSQLCatalog.queries(schema: PostgreSQLCatalog.temporarySchema)
            do {
                let results = try await database.rows(queries, after: try definitions.statements())
                var extraction = PostgreSQLExtraction(name: name)
                return extraction.schema(try PostgreSQLCatalog(results))
            } catch let error as DatabaseError {
                switch error {
                case .readOnly, .permissionDenied: return schema
                default: throw error
                }
            }
        }
    }
}
