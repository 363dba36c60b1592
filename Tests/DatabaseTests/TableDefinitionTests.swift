import Testing

@testable import Database

/// Definitions must be the text that Python clients write, so that both make the same repository.
@Suite struct TableDefinitionTests {
    /// BLAKE2b-512 of sorted statements, one a line.
    private func digest(_ statements: [String]) -> String {
        BLAKE2b.hexadecimalDigest(of: Array(statements.sorted().joined(separator: "\n").utf8))
    }

    private func definitions(_ tables: [TableSpecification], _ dialect: SQLDialect) -> [String] {
        tables.flatMap { $0.definition(in: dialect) }
    }

    /// The digest was computed over `sqlite_master` of a repository made by lsst-daf-butler.
    @Test func staticTablesAreDefinedInSQLiteAsByPython() {
        let statements = definitions(RepositoryTables.all, .sqlite)
        #expect(statements.count == 136)
        #expect(
            digest(statements)
                == "472f230de2800d3a7497fdf9767b72a730ec38b621d86133515a2abdb0ba7bcd"
                + "f25698063475192316c572598ba35fa1d14e3c03b9b34c688e0a8e27a31fb035")
    }

    /// The digest was computed over `sqlite_master` of a repository filled by lsst-daf-butler.
    @Test func datasetAndRecordsTablesAreDefinedInSQLiteAsByPython() {
        let statements = definitions(RepositoryTables.dynamic, .sqlite)
        #expect(statements.count == 38)
        #expect(
            digest(statements)
                == "1041079084c68d23322085a878b225f50a3aee9531f721a36b56e2cf4aa46107"
                + "a3ddade25cb5845630ae38b2fc17b658fd11bfd638439a1154bc26a1a7035de7")
    }

    /// The digest was computed over an independent implementation of the rules, which had been compared with PostgreSQL
    /// databases made by lsst-daf-butler; white space is reduced as there.
    @Test func tablesAreDefinedInPostgreSQLAsByPython() {
        let statements = definitions(RepositoryTables.all + RepositoryTables.dynamic, .postgresql()).map {
            $0.replacing("(\n\t", with: "(").replacing(", \n\t", with: ", ").replacing("\n)", with: ")")
        }
        #expect(statements.count == 179)
        #expect(
            digest(statements)
                == "059c02a5cac543095900d6428293aaaf408435c75808fe878cebc18ec2719cd7"
                + "bdf4083ae8857dd36af2c91c9576536e79b1c6cf114867abacdb036131e9b5df")
    }

    @Test func aTableIsDefinedAsText() throws {
        let table = try #require(RepositoryTables.all.first { $0.name == "visit_skypix_overlap" })
        #expect(
            table.definition(in: .sqlite).first == """
                CREATE TABLE visit_skypix_overlap (
                \tskypix_system VARCHAR(16) NOT NULL, 
                \tskypix_level SMALLINT NOT NULL, 
                \tinstrument VARCHAR(32) NOT NULL, 
                \tvisit BIGINT NOT NULL, 
                \tskypix_index BIGINT NOT NULL, 
                \tPRIMARY KEY (skypix_system, skypix_level, instrument, visit, skypix_index), 
                \tCONSTRAINT visit_skypix_overlap_len_skypix_system CHECK \
                (length("skypix_system")<=16 AND length("skypix_system")>=1), 
                \tCONSTRAINT visit_skypix_overlap_len_instrument CHECK \
                (length("instrument")<=32 AND length("instrument")>=1), 
                \tCONSTRAINT fkey_visit_skypix_overlap_visit_skypix_overlap_summary_skypix_system_skypix_level_instrument_\
                skypix_system_skypix_level_instrument FOREIGN KEY(skypix_system, skypix_level, instrument) \
                REFERENCES visit_skypix_overlap_summary (skypix_system, skypix_level, instrument) ON DELETE CASCADE, 
                \tCONSTRAINT fkey_visit_skypix_overlap_instrument_name_instrument FOREIGN KEY(instrument) \
                REFERENCES instrument (name), 
                \tCONSTRAINT fkey_visit_skypix_overlap_visit_instrument_id_instrument_visit \
                FOREIGN KEY(instrument, visit) REFERENCES visit (instrument, id)
                )
                """)
    }

    @Test func longNamesAreShortenedInPostgreSQLOnly() {
        let name = "fkey_visit_physical_filter_instrument_name_instrument_physical_filter"
        #expect(
            PostgreSQLRules(schema: nil).objectName(name)
                == "fkey_visit_physical_filter_instrument_name_instrument__daee087b")
        #expect(SQLiteRules().objectName(name) == name)
        let limit = String(repeating: "x", count: 63)
        #expect(PostgreSQLRules(schema: nil).objectName(limit) == limit)
    }

    @Test func aSchemaQualifiesTablesAndSequences() {
        let table = TableSpecification(
            "item",
            columns: [.init("id", .autoincrement), .init("span", .timespan, defaultValue: .timespan(.unbounded))],
            primaryKey: ["id"], indexes: [["span"]])
        #expect(
            table.definition(in: .postgresql(schema: "Repo")) == [
                "CREATE SEQUENCE \"Repo\".item_seq_id",
                "CREATE TABLE \"Repo\".item (\n\tid BIGINT NOT NULL, \n\tspan INT8RANGE DEFAULT '(,)'::int8range NOT NULL, \n"
                    + "\tPRIMARY KEY (id)\n)",
                "CREATE INDEX item_idx_span ON \"Repo\".item (span)",
            ])
    }

    @Test func sqliteAcceptsAllTablesAndKeepsTheirText() async throws {
        let client = try await SQLiteClient.open(.memory, DatabaseOptions(access: .create))
        let tables = RepositoryTables.all + RepositoryTables.dynamic
        try await client.write { connection in for table in tables { try connection.createTable(table) } }
        let stored = try await client.read { connection in
            try connection.fetchAll("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL") { try $0.text(0) }
        }
        #expect(stored.sorted() == definitions(tables, .sqlite).sorted())
        try await client.read { connection in for table in tables { try connection.verifyColumns(of: table) } }
        try await client.close()
    }
}
