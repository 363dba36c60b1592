import Testing

@testable import Felis

/// Files in memory.
private struct TextFiles: SchemaFiles {
    let texts: [String: String]

    func read(_ location: SchemaLocation) async throws -> [UInt8] {
        guard let text = texts[location.text] else { throw SchemaFileError.missing(location.text) }
        return Array(text.utf8)
    }
}

@Suite struct LoaderTests {
    private func load(_ texts: [String: String], options: SchemaOptions = SchemaOptions()) async -> LoadedSchema {
        await SchemaLoader(files: TextFiles(texts: texts), options: options).load(SchemaLocation("/d/a.yaml"))
    }

    private let base = """
        name: base
        tables:
        - name: T
          columns:
          - {name: id, datatype: long, tap:column_index: 7}
          - {name: label, datatype: string, length: 12}
        """

    @Test func referencedColumnsComeAfterOwnOnesWithTheirOverrides() async throws {
        let loaded = await load([
            "/d/b.yaml": base,
            "/d/a.yaml": """
            name: a
            resources: {b: {uri: b.yaml}}
            tables:
            - name: R
              columns: [{name: own, datatype: int}]
              columnRefs: {b: {T: {name: {ref_name: label, overrides: {datatype: char, length: 3}}, id: }}}
            """,
        ])
        let table = try #require(loaded.schema?.tables.first)
        #expect(table.columns.map(\.id) == ["#R.own", "#R.name", "#R.id"])
        #expect(table.columns.map(\.datatype) == [.int, .char, .long])
        // The size is not derived anew.
        #expect(table.columns[1].arraysize == "12*")
        #expect(table.columns[2].columnIndex == 7)
    }

    @Test func referencedColumnsAreNumberedUnlessAnOverrideSaysOtherwise() async throws {
        var options = SchemaOptions()
        options.referenceIndexIncrement = 10
        let loaded = await load(
            [
                "/d/b.yaml": base,
                "/d/a.yaml": """
                name: a
                resources: {b: {uri: b.yaml}}
                tables:
                - name: R
                  columnRefs: {b: {T: {id: , x: {ref_name: id, overrides: {tap:column_index: 3}}, label: }}}
                """,
            ], options: options)
        let table = try #require(loaded.schema?.tables.first)
        #expect(table.columns.map(\.columnIndex) == [10, 3, 20])
    }

    @Test func errorsOfAResourceAreOneErrorOfTheSchema() async {
        let loaded = await load([
            "/d/b.yaml": "name: b\ntables: [{name: t, columns: [{name: x, datatype: nope}, {name: y, datatype: nix}]}]",
            "/d/a.yaml": "name: a\nresources: {b: {uri: b.yaml}}\ntables: []",
        ])
        #expect(loaded.errorCount == 1)
        #expect(
            loaded.problems[0].message.hasPrefix(
                "Failed to load resource 'b' from 'b.yaml': 2 errors, the first: /d/b.yaml:2:50:"))
    }

    @Test func unknownNamesInReferencesGetASuggestion() async {
        let loaded = await load([
            "/d/b.yaml": base,
            "/d/a.yaml": """
            name: a
            resources: {b: {uri: b.yaml}}
            tables: [{name: R, columnRefs: {b: {T: {labell: }}}}]
            """,
        ])
        #expect(loaded.problems.map(\.remedy) == ["did you mean 'label'?"])
        #expect(loaded.problems[0].position?.line == 3)
    }

    @Test func redundantOverridesAreFound() async {
        var options = SchemaOptions()
        options.checks = [.redundantDatatypes]
        let loaded = await load(
            [
                "/d/a.yaml":
                    "name: a\ntables: [{name: t, columns: [{name: x, datatype: double, mysql:datatype: DOUBLE}]}]"
            ],
            options: options)
        #expect(loaded.problems.map(\.remedy) == ["remove 'mysql:datatype'"])
    }

    @Test(arguments: [
        ("VARCHAR(12)", Dialect.postgresql, "VARCHAR(12)"), ("DOUBLE_PRECISION", .postgresql, "DOUBLE PRECISION"),
        ("TIMESTAMP(6)", .postgresql, "TIMESTAMP WITH TIME ZONE"), ("DECIMAL(10,2)", .mysql, "DECIMAL"),
        ("BOOLEAN", .mysql, "BOOL"), ("TINYINT(1)", .mysql, "TINYINT(1)"), ("BIT", .postgresql, "BIT(1)"),
    ])
    func overridesAreSpelledAsTheToolkitDoes(text: String, dialect: Dialect, definition: String) throws {
        #expect(try DialectType(creating: text, in: dialect).definition() == definition)
    }

    @Test func namesAreQuotedWhereTheDialectNeedsIt() {
        #expect(Dialect.mysql.quoted("dec") == "`dec`")
        #expect(Dialect.sqlite.quoted("dec") == "dec")
        #expect(Dialect.postgresql.quoted("Mixed") == "\"Mixed\"")
        #expect(Dialect.sqlite.quoted("quo\"te") == "\"quo\"\"te\"")
        #expect(Dialect.mysql.literal("it's\\") == "'it''s\\\\'")
    }

    @Test(arguments: [
        ("m/s", true), ("m(1/2)", true), ("(m/s)", false), ("10**8 erg", true), ("2**3 m", false), ("m²", true),
        ("mag(AB)", true), ("log(m)", false), ("pixels", false), ("", true), ("m,s", true), ("µm", true),
        ("m.", false),
    ])
    func unitsAreThoseOfTheGenericFormat(unit: String, isGood: Bool) {
        #expect((UnitCheck.problem(of: unit) == nil) == isGood)
    }
}
