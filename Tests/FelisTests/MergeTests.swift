import Testing

@testable import Felis

@Suite struct MergeTests {
    private func schema(_ text: String) throws -> Schema {
        let loaded = SchemaLoader.parse(Array(text.utf8), location: SchemaLocation("x"), options: SchemaOptions())
        return try #require(loaded.schema, "\(loaded.problems)")
    }

    private func merge(
        _ ancestor: String, _ release: String, _ reference: String, keys: Set<String>? = nil
    ) throws -> (text: String, lines: [String]) {
        let merge = try SchemaMerge(
            ancestor: schema(ancestor), release: schema(release), reference: schema(reference),
            bytes: Array(reference.utf8), keys: keys)
        let lines = merge.decisions.map { decision in
            "\(decision.fate.rawValue): \(decision.change)\(decision.reason.map { " (\($0))" } ?? "")"
        }
        return (String(decoding: merge.text, as: UTF8.self), lines)
    }

    private let anchored = """
        name: m
        tables:
        - name: t
          columns:
          - &c {name: c, datatype: string, length: 4}
          - <<: *c
            name: d
          - {name: e, datatype: int, description: &e "what # it is"}
          - name: f
            datatype: int
            description: *e  # the same
        """

    @Test func whatOtherObjectsHaveByAnAnchorIsLeftByHand() throws {
        let release = anchored.replacing("length: 4}", with: "length: 5}")
            .replacing("    name: d", with: "    name: d\n    length: 4")
            .replacing("name: m", with: "name: m\ndescription: new")
        let (text, lines) = try merge(anchored, release, anchored)
        #expect(lines.count == 3)
        #expect(lines[0] == "applied: changed schema m description: none → new")
        #expect(
            lines[1].hasPrefix("by hand: changed column t.c length: 4 → 5 (by an anchor or merge key of the file"))
        #expect(text == anchored + "\ndescription: new")
    }

    @Test func whatAMergeKeyBringsIsWrittenInTheMappingItself() throws {
        let release = anchored.replacing("    name: d", with: "    name: d\n    length: 5")
        let (text, lines) = try merge(anchored, release, anchored)
        #expect(lines.allSatisfy { $0.hasPrefix("applied: ") || $0.hasPrefix("already there: ") })
        #expect(text == release)
    }

    @Test func anAliasIsReplacedWhereItStands() throws {
        let release = anchored.replacing("*e  # the same", with: "other")
        let (text, lines) = try merge(anchored, release, anchored)
        #expect(lines == ["applied: changed column t.f description: what # it is → other"])
        #expect(text == anchored.replacing("*e  # the same", with: "other  # the same"))
    }

    @Test func anAnchorStaysIfAllItsAliasesGetTheSame() throws {
        let release = anchored.replacing("what # it is", with: "new").replacing("length: 4", with: "length: 6")
        let (text, lines) = try merge(anchored, release, anchored)
        #expect(lines.allSatisfy { $0.hasPrefix("applied: ") || $0.hasPrefix("already there: ") }, "\(lines)")
        let merged = try schema(text)
        #expect(merged.tables[0].columns.map(\.length) == [6, 6, nil, nil])
        #expect(merged.tables[0].columns.map(\.description) == [nil, nil, "new", "new"])
        #expect(text.contains("description: &e \"new\""))
    }

    @Test func anAnchorInUseDoesNotGo() throws {
        let release = anchored.replacing(", description: &e \"what # it is\"", with: "")
            .replacing("*e  # the same", with: "\"what # it is\"")
            .replacing("name: m", with: "name: m\ndescription: new")
        let (text, lines) = try merge(anchored, release, anchored)
        #expect(lines.count == 2 && lines[0].hasPrefix("applied: ") && lines[1].hasPrefix("by hand: "), "\(lines)")
        #expect(text.contains("&e") && text.contains("description: new"))
    }

    @Test func columnsThatTablesShareAreChangedOnce() throws {
        let shared = """
            name: m
            tables:
            - name: a
              columns:
              - &x {name: x, datatype: int, "@id": "#x1"}
            - name: b
              columns:
              - <<: *x
                "@id": "#x2"
            """
        let release = shared.replacing("datatype: int", with: "datatype: long")
        let (text, lines) = try merge(shared, release, shared)
        #expect(lines.allSatisfy { $0.hasPrefix("applied: ") }, "\(lines)")
        #expect(try schema(text).tables.map { $0.columns[0].datatype } == [.long, .long])
    }

    @Test func theReferenceMayHaveAnotherName() throws {
        let release = plain.replacing("name: m", with: "name: m\ndescription: new")
        let (text, lines) = try merge(plain, release, plain.replacing("name: m", with: "name: r"))
        #expect(lines == ["applied: changed schema m description: none → new"])
        #expect(text.hasPrefix("name: r\n") && text.contains("description: new"))
    }

    private let plain = "name: m\ntables:\n- name: t\n  columns:\n  - {name: a, datatype: int}\n"

    @Test func anObjectThatBothSidesAddDifferentlyIsAConflict() throws {
        let release = plain + "  - {name: both, datatype: int}\n  - {name: same, datatype: int, description: x}\n"
            + "  constraints:\n  - {name: u, '@type': Unique, columns: ['#t.a']}\n"
        let reference = plain + "  - {name: both, datatype: double}\n  - {name: same, '@id': '#s', datatype: int, "
            + "description: x}\n  constraints:\n  - {name: u, '@type': Unique, columns: ['#t.both']}\n"
        let (text, lines) = try merge(plain, release, reference)
        #expect(
            lines == [
                "conflict: added column t.both (that of the reference model differs in datatype)",
                "already there: added column t.same",
                "conflict: added constraint t.u (that of the reference model differs in columns)",
            ])
        #expect(text == reference)
    }

    @Test func nullsThatMeanSomethingAreWritten() throws {
        let ancestor = plain.replacing("datatype: int", with: "datatype: string, length: 3")
        let release = ancestor.replacing("- name: t", with: "- name: t\n  mysql:engine: null")
            .replacing("length: 3", with: "length: 3, votable:arraysize: null")
        let (text, lines) = try merge(ancestor, release, ancestor)
        #expect(lines.allSatisfy { $0.hasPrefix("applied: ") }, "\(lines)")
        let table = try schema(text).tables[0]
        #expect(table.mysqlEngine == nil && table.columns[0].arraysize == nil)
        // And back.
        let (back, more) = try merge(release, ancestor, release)
        #expect(more.allSatisfy { $0.hasPrefix("applied: ") }, "\(more)")
        #expect(try schema(back).tables[0].mysqlEngine == "MyISAM")
        #expect(try schema(back).tables[0].columns[0].arraysize == "3*")
    }

    @Test func plainTextsMayHaveBlankLines() throws {
        let ancestor = "name: m\ndescription: a\n\n  b\n\ntables: []\n"
        let (text, lines) = try merge(ancestor, ancestor.replacing("a\n\n  b", with: "c"), ancestor)
        #expect(lines == ["applied: changed schema m description: a\nb → c"])
        #expect(text == "name: m\ndescription: c\n\ntables: []\n")
    }

    @Test func keysThatCannotMatchAreAnError() throws {
        let release = plain.replacing("datatype: int", with: "datatype: long")
        #expect(throws: SchemaMerge.Failure.self) { try merge(plain, release, plain, keys: ["datatyp"]) }
        #expect(throws: SchemaMerge.Failure.self) { try merge(plain, release, plain, keys: ["ivoa:ucd"]) }
        #expect(try merge(plain, release, plain, keys: ["ivoa:ucd", "datatype"]).lines.count == 1)
    }
}
