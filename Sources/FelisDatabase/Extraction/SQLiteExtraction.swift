import Felis

/// Reads the tables of an SQLite database, which keeps no descriptions, and no lengths of binary columns: they get
/// ``SchemaExtraction/binaryLength``.
struct SQLiteExtraction {
    let name: String
    private(set) var remarks: [String] = []
    private(set) var unsaid = UnsaidParts()

    init(name: String) { self.name = name }

    /// Says what the language has no words for.
    private mutating func say(_ part: String, of table: String) {
        remarks.append("Left out of table \(table): \(part).")
        unsaid.ofTables[table, default: []].append(part)
    }

    /// The schema, which has no tables if the database has none.
    mutating func schema(of database: any SchemaDatabase) async throws -> Schema {
        var schema = Schema(name: name, id: "#\(name)")
        var definitions: [String] = []
        for (table, definition) in try await tables(of: database) {
            schema.tables.append(try await self.table(table, in: database))
            definitions.append(definition)
        }
        var names = SQLiteConstraints(schema)
        for index in schema.tables.indices {
            let written = TableDefinitionReader(definitions[index])
            let table = schema.tables[index].name
            for part in written.unsaid { say(part, of: table) }
            for constraint in written.constraints {
                do throws(SQLiteConstraints.Failure) {
                    schema.tables[index].constraints.append(try names.constraint(constraint, of: schema.tables[index]))
                } catch {
                    say(error.part, of: table)
                }
            }
        }
        for part in names.remarks { remarks.append(part) }
        for index in schema.tables.indices {
            schema.tables[index].indexes = try await indexes(of: schema.tables[index], in: database)
            for place in schema.tables[index].indexes.indices {
                let name = schema.tables[index].indexes[place].name
                schema.tables[index].indexes[place].id = names.id(name, schema.tables[index].name)
            }
        }
        try await readOthers(of: schema, in: database)
        return schema
    }

    /// The names and texts of plain tables.
    private mutating func tables(of database: any SchemaDatabase) async throws -> [(String, String)] {
        let found = try await database.rows(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' "
                + "ORDER BY rowid"
        ).map { ($0[0] ?? "", $0[1] ?? "") }
        let virtual = found.filter { SQLiteTokens($0.1).isWord(1, "VIRTUAL") }.map(\.0)
        for table in virtual {
            remarks.append("The table \(table) is virtual; it is left out with the tables that it keeps its data in.")
        }
        unsaid.names.formUnion(virtual)
        return found.filter { table in
            let isPart = virtual.contains { table.0 == $0 || table.0.hasPrefix("\($0)_") }
            if isPart { unsaid.names.insert(table.0) }
            return !isPart
        }
    }

    private mutating func readOthers(of schema: Schema, in database: any SchemaDatabase) async throws {
        let known = Dictionary(
            schema.tables.map { ($0.name.lowercased(), $0.name) }, uniquingKeysWith: { first, _ in first })
        for row in try await database.rows(
            "SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY rowid")
        {
            guard let type = row[0], let name = row[1] else { continue }
            unsaid.names.insert(name)
            if type == "trigger", let table = known[(row[2] ?? "").lowercased()] {
                say("the trigger '\(name)'", of: table)
            } else {
                remarks.append("The \(type) '\(name)' is left out.")
            }
        }
    }

    private mutating func table(_ name: String, in database: any SchemaDatabase) async throws -> Table {
        let literal = Dialect.sqlite.literal(name)
        var table = Table(name: name, id: "#\(name)")
        var key: [(place: Int, id: String)] = []
        // The columns of table_info and those that are computed.
        for row in try await database.rows(
            "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(\(literal)) WHERE hidden <> 1")
        {
            guard let columnName = row[0] else { continue }
            let place = "\(name).\(columnName)"
            let (datatype, length, isKnown) = SQLiteColumn.datatype(row[1] ?? "")
            if !isKnown {
                let type = row[1] ?? ""
                remarks.append("The type '\(type)' of column \(place) has no counterpart; it is written as text.")
                unsaid.ofTables[name, default: []].append("the type '\(type)' of column \(columnName)")
            }
            var column = Column(name: columnName, id: "#\(place)", datatype: datatype)
            column.length = length
            column.isNullable = row[2] != "1"
            if let text = row[3] {
                column.value = SQLiteColumn.value(text, datatype)
                if column.value == nil, text.uppercased() != "NULL" {
                    say("the default of column \(columnName), \(text)", of: name)
                }
            }
            column.arraysize = datatype.defaultArraysize(length: length)
            column.xtype = datatype == .timestamp ? "timestamp" : nil
            table.columns.append(column)
            if let place = row[4].flatMap({ Int($0) }), place > 0 { key.append((place, column.id)) }
        }
        key.sort { $0.place < $1.place }
        if key.count == 1 { table.primaryKey = .single(key[0].id) }
        if key.count > 1 { table.primaryKey = .list(key.map(\.id)) }
        return table
    }

    // MARK: Indexes

    private mutating func indexes(of table: Table, in database: any SchemaDatabase) async throws -> [Index] {
        let literal = Dialect.sqlite.literal(table.name)
        let found = try await database.rows(
            "SELECT m.name, m.sql, l.\"unique\", l.partial FROM sqlite_master AS m "
                + "JOIN pragma_index_list(\(literal)) AS l ON l.name = m.name "
                + "WHERE m.type = 'index' AND m.sql IS NOT NULL ORDER BY m.rowid"
        )
        var indexes: [Index] = []
        for row in found {
            guard let name = row[0], let text = row[1] else { continue }
            if row[2] == "1" || row[3] == "1" {
                let reason = row[2] == "1" ? "is unique" : "covers some rows only"
                say("the index '\(name)', which \(reason)", of: table.name)
                unsaid.names.insert(name)
                continue
            }
            let keys = try await database.rows(
                "SELECT name, \"desc\", coll FROM pragma_index_xinfo(\(Dialect.sqlite.literal(name))) WHERE key = 1 "
                    + "ORDER BY seqno")
            let tokens = SQLiteTokens(text)
            // The name of the index may be in parentheses only if it is in quotes.
            let start = (0..<tokens.count).first { tokens.isMark($0, "(") } ?? 0
            let items = tokens.items(inParenthesis: start)
            if keys.contains(where: { $0[1] == "1" }) {
                say("the descending order of the index '\(name)'", of: table.name)
            }
            if items.contains(where: { $0.contains { tokens.isWord($0, "COLLATE") } }) {
                say("the collation of the index '\(name)'", of: table.name)
            }
            let columns = keys.compactMap { $0[0] }
            guard columns.count < keys.count else {
                let ids = columns.map { "#\(table.name).\($0)" }
                indexes.append(Index(name: name, id: "#\(name)", content: .columns(ids)))
                continue
            }
            guard items.count == keys.count else {
                say("the index '\(name)'", of: table.name)
                unsaid.names.insert(name)
                continue
            }
            let expressions = zip(keys, items).map { key, item in key[0] ?? Self.expression(item, tokens) }
            indexes.append(Index(name: name, id: "#\(name)", content: .expressions(expressions)))
        }
        return indexes
    }

    /// An expression without parentheses around it, and without an order.
    private static func expression(_ item: Range<Int>, _ tokens: SQLiteTokens) -> String {
        var item = item
        if item.count > 1, tokens.isWord(item.upperBound - 1, "ASC", "DESC") {
            item = item.lowerBound..<item.upperBound - 1
        }
        while item.count > 2, tokens.isMark(item.lowerBound, "("),
            tokens.end(ofParenthesis: item.lowerBound) == item.upperBound
        {
            item = item.lowerBound + 1..<item.upperBound - 1
        }
        return tokens.text(item)
    }
}
