import TestSupport
import Testing

@testable import Felis

@Suite struct FuzzTests {
    /// The file that the seed takes a column from.
    private static let base = """
        name: b
        tables:
        - name: T
          columns:
          - {name: x, datatype: string, length: 12}
          - {name: z, datatype: long}
        """

    /// The fuzzed file, and the one that it refers to.
    private struct FuzzedFiles: SchemaFiles {
        let bytes: [UInt8]

        func read(_ location: SchemaLocation) async throws -> [UInt8] {
            switch location.text {
            case "/fuzz.yaml": return bytes
            case "/b.yaml": return Array(FuzzTests.base.utf8)
            default: throw SchemaFileError.missing(location.text)
            }
        }
    }

    private static func load(_ bytes: [UInt8]) async -> LoadedSchema {
        await SchemaLoader(files: FuzzedFiles(bytes: bytes)).load(SchemaLocation("/fuzz.yaml"))
    }

    private static let seed = """
        name: s
        "@id": "#s"
        description: &d "100% of it"
        version: {current: "1.0", compatible: ["0.9"]}
        resources: {b: {uri: b.yaml}}
        tables:
        - &t
          name: t
          primaryKey: ["#t.a"]
          tap:table_index: 1
          columnRefs: {b: {T: {y: {ref_name: x, overrides: {length: 3}}}}}
          columns:
          - {name: a, datatype: long, nullable: false, ivoa:ucd: meta.id;meta.main, ivoa:unit: km.s-1}
          - {name: b, datatype: string, length: 3, value: "x", description: *d}
          - name: c
            datatype: timestamp
            precision: 3
          columnGroups: [{name: g, columns: ["#t.a", "#t.b"]}]
          constraints:
          - {name: k, "@type": ForeignKey, columns: ["#t.a"], referencedColumns: ["#t.b"], on_delete: CASCADE}
          - {name: u, "@type": Unique, columns: ["#t.a"], deferrable: yes, initially: DEFERRED}
          - {name: h, "@type": Check, expression: a > 0}
          indexes: [{name: i, columns: ["#t.a"]}, {name: j, expressions: [a]}]
        - name: w
          columns:
          - &k {name: k, "@id": "#w.k", datatype: int, ivoa:ucd: meta.id}
          - {<<: *k, "@id": "#w.l", name: l}
        """

    private static let pieces: [[UInt8]] =
        [
            "&x ", "*x", "<<: ", "- ", ": ", "{", "}", "[", "]", "null", "~", "\t", "\n", "\n  ", "!!int ", "!x ", "|",
            ">", "\"", "'",
            "#", "%", "@id", "1e999", "-1", "99999999999999999999", ".nan", "2024-01-01", "yes", "é", "\u{0}", "---\n",
            "...",
            "name", "datatype", "columns",
        ].map { Array($0.utf8) } + [[0xFF, 0xFE], [0xC3], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF]]

    /// Whatever the bytes, reading, resolving and checking end, with a schema or with at least one error; what is taken
    /// can be dumped and read again, and merged with what it was made of, both ways.
    @Test func readingAnythingEnds() async throws {
        var random = SeededGenerator(seed: 8)
        let seed = Array(Self.seed.utf8)
        let original = try #require(await Self.load(seed).schema)
        var taken = 0
        for _ in 0..<fuzzCount(default: 3000) {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1 where at < bytes.count:
                    bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
                case 2:
                    let start = Int.random(in: 0..<seed.count, using: &random)
                    bytes.insert(contentsOf: seed[start..<min(seed.count, start + 60)], at: at)
                default:
                    bytes.insert(contentsOf: Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)], at: at)
                }
            }
            let loaded = await Self.load(bytes)
            guard let schema = loaded.schema else {
                #expect(loaded.errorCount > 0)
                continue
            }
            taken += 1
            let again = await Self.load(Array(SchemaDump().yaml(schema).utf8))
            #expect(again.schema != nil, "\(String(decoding: bytes, as: UTF8.self)): \(again.problems)")
            // The first file may be any that can be read; merges look at their results themselves.
            let there = try SchemaMerge(ancestor: original, release: schema, reference: original, bytes: seed)
            let back = try SchemaMerge(ancestor: schema, release: original, reference: schema, bytes: bytes)
            for merge in [there, back] {
                #expect(await Self.load(merge.text).schema != nil, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(taken > 0)
    }

    @Test func checkingAnyUnitEnds() {
        var random = SeededGenerator(seed: 9)
        let pieces = [
            "m", "s", "(", ")", "((((", "/", "*", "**", "^", ".", ",", "10", "-1", "+2", "1.5", "sqrt(", "mag(", " ",
            "²", "☉", "x",
        ]
        for _ in 0..<fuzzCount(default: 3000) {
            let count = Int.random(in: 1...30, using: &random)
            let unit = (0..<count).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
            if let problem = UnitCheck.problem(of: unit) { #expect(!problem.message.isEmpty) }
        }
        #expect(UnitCheck.problem(of: String(repeating: "(", count: 900)) != nil)
        #expect(UnitCheck.problem(of: String(repeating: "m ", count: 900)) != nil)
    }
}
