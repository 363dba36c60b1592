import ButlerModel
import StructuredData
import Testing

@testable import Butler

/// Export files that nobody should be able to do harm with: each gives one error that says what is wrong and where.
@Suite struct HostileExportTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        /// Part of the error's text.
        let complaint: String
        var testDescription: String { name }

        init(_ name: String, _ text: String, _ complaint: String) {
            self.name = name
            self.text = text
            self.complaint = complaint
        }
    }

    private static func dataset(_ record: String) -> String {
        ExportSample.file("- {type: dataset, dataset_type: t, run: r, records: [\(record)]}")
    }

    private static func record(_ value: String) -> String {
        ExportSample.file("- {type: dimension, element: visit, records: [{x: \(value)}]}")
    }

    private static let id = "!uuid '00000000-0000-0000-0000-000000000001'"

    static let cases: [Case] = [
        Case("no text", "", "empty"),
        Case("a list", "- 1\n- 2\n", "cannot mark a list"),
        Case("no version", "data: []\n", "no 'version'"),
        Case("no data", "version: 1.0.2\n", "no list 'data'"),
        Case("data is text", "version: 1.0.2\ndata: all\n", "'data' must be a list"),
        Case("major version 2", "version: 2.0.0\ndata: []\n", "version 2.0.0"),
        Case("newer minor version", "version: 1.1.0\ndata: []\n", "version 1.1.0"),
        Case("half a version", "version: 1.0\ndata: []\n", "version 1.0"),
        Case("a version with words", "version: 1.0.x\ndata: []\n", "version 1.0.x"),
        Case("universe version is text", "version: 1.0.2\nuniverse_version: x\ndata: []\n", "'universe_version'"),
        Case("two documents", "version: 1.0.2\ndata: []\n---\na: 1\n", "second document"),
        Case("broken YAML", "version: 1.0.2\ndata: [\n", "Invalid YAML"),
        Case("a Python object", ExportSample.file("- !!python/object/apply:os.system ['true']"), "cannot mark"),
        Case(
            "a Python object as a value", record("!!python/object/apply:os.system ['true']"),
            "column 'x' holds a list"),
        Case("an unknown tag", record("!secret 1"), "!secret"),
        Case("section without type", ExportSample.file("- {name: x}"), "no 'type'"),
        Case("section of an unknown type", ExportSample.file("- {type: spell}"), "section type 'spell'"),
        Case("section that is text", ExportSample.file("- text"), "cannot mark a scalar"),
        Case("type is a list", ExportSample.file("- {type: [a]}"), "must be text"),
        Case("no element", ExportSample.file("- {type: dimension, records: []}"), "lacks 'element'"),
        Case("records are text", ExportSample.file("- {type: dataset_type, name: 1}"), "'dimensions'"),
        Case("name is a number", ExportSample.file("- {type: run, name: 1}"), "'name' must be text"),
        Case("no collection type", ExportSample.file("- {type: collection, name: a}"), "lacks 'collection_type'"),
        Case(
            "a collection type of its own", ExportSample.file("- {type: collection, name: a, collection_type: HEAP}"),
            "must be RUN"),
        Case(
            "a chain without members", ExportSample.file("- {type: collection, name: a, collection_type: CHAINED}"),
            "lacks 'children'"),
        Case(
            "associations with a run",
            ExportSample.file("- {type: associations, collection: a, collection_type: RUN}"), "not RUN"),
        Case("record that is a list", dataset("[1]"), "must be a mapping"),
        Case("identifier that is text", dataset("{dataset_id: abc, data_id: {}}"), "!uuid"),
        Case("identifier that is no UUID", dataset("{dataset_id: !uuid xyz, data_id: {}}"), "!uuid"),
        Case("fewer data IDs than identifiers", dataset("{dataset_id: [1, 2], data_id: [{}]}"), "2 identifiers and 1"),
        Case("no identifier", dataset("{data_id: {}}"), "0 identifiers"),
        Case("data ID of floats", dataset("{dataset_id: 1, data_id: {a: 1.5}}"), "whole number or text"),
        Case("data ID of lists", dataset("{dataset_id: 1, data_id: {a: [1]}}"), "whole number or text"),
        Case("path is a mapping", dataset("{dataset_id: 1, data_id: {}, path: {}}"), "must be text"),
        Case("formatter with a blank", dataset("{dataset_id: 1, data_id: {}, formatter: rm -rf}"), "class name"),
        Case("formatter without module", dataset("{dataset_id: 1, data_id: {}, formatter: Evil}"), "class name"),
        Case("a time of words", record("!butler_time/tai/iso noon"), "is no time"),
        Case("a day that is not", record("!butler_time/tai/iso '2020-13-45 00:00:00'"), "2020-13-45"),
        Case("a time that is a list", record("!butler_time/tai/iso [1]"), "must be a scalar"),
        Case("a timespan of words", record("!lsst.daf.butler.Timespan ALL"), "is no timespan"),
        Case("a timespan without end", record("!lsst.daf.butler.Timespan {begin: null}"), "'begin' and 'end'"),
        Case("a region of words", record("!<lsst.sphgeom.Circle> {encoded: zz}"), "hexadecimal"),
        Case("a region without code", record("!<lsst.sphgeom.Circle> {}"), "'encoded'"),
        Case("a damaged region", record("!<lsst.sphgeom.Circle> {encoded: 63aa}"), "region"),
        Case("a region of another class", record("!<lsst.sphgeom.Circle> {encoded: '75'}"), "UnionRegion"),
        Case("bytes that are not", record("!!binary 'ü'"), "!!binary"),
        Case("a merge key", ExportSample.file("- {<<: {type: run}, name: a}"), "write the values out"),
        Case("a merge of a list of numbers", dataset("{dataset_id: 1, data_id: {<<: [1]}}"), "must be a mapping"),
        Case("a merge of text", dataset("{dataset_id: 1, data_id: {<<: text}}"), "must be a mapping"),
        Case("merges of merges", dataset("{dataset_id: 1, data_id: \(merges(count: 300, of: 1))}"), "64 deep"),
        Case("merges of merges twice", dataset("{dataset_id: 1, data_id: \(merges(count: 40, of: 2))}"), "aliases repeat"),
        Case("an alias of nothing", ExportSample.file("- *x"), "alias"),
        Case("an alias of itself", ExportSample.file("- &x [*x]"), "contains itself"),
        Case("deep nesting", "version: 1.0.2\nx: " + String(repeating: "[", count: 5000), "nesting"),
        Case(
            "a list a billion long", ExportSample.file(bomb + "\n- {type: associations, collection: a, "
                + "collection_type: CALIBRATION, validity_ranges: *x}"), "aliases repeat"),
        Case(
            "a million records of a million columns",
            ExportSample.file(
                "- {type: dimension, element: e, records: [&m {" + columns + "}" + String(repeating: ", *m", count: 30_000)
                    + "]}"), "aliases repeat"),
    ]

    /// A list of mappings, each of which merges the one before, `copies` times.
    private static func merges(count: Int, of copies: Int) -> String {
        let later = (1..<count).map { number in
            "&m\(number) {<<: [" + Array(repeating: "*m\(number - 1)", count: copies).joined(separator: ", ") + "]}"
        }
        return "[&m0 {a: 1}, " + later.joined(separator: ", ") + "]"
    }

    private static let columns = (0..<200).map { "c\($0): 1" }.joined(separator: ", ")
    /// Ranges that each hold ten thousand identifiers, ten thousand times.
    private static let bomb =
        "- {type: run, name: a, i: &i [" + Array(repeating: "1", count: 2000).joined(separator: ",")
        + "]}\n- {type: run, name: b, r: &r {begin: null, end: null, dataset_ids: *i}}\n- {type: run, name: c, x: &x ["
        + Array(repeating: "*r", count: 2000).joined(separator: ",") + "]}"

    @Test(arguments: cases) func aBadFileGivesOneError(_ bad: Case) throws {
        do {
            _ = try ExportFile(yaml: YAMLSource(Array(bad.text.utf8)), limits: YAMLLimits(aliasedValues: 50_000))
            Issue.record("\(bad.name) is read without complaint")
        } catch {
            let text = "\(error)"
            #expect(text.contains(bad.complaint), "\(bad.name): \(text)")
            #expect(!text.contains("\n"))
        }
    }

    @Test func damagedFilesAreErrorsOrFiles() async throws {
        // Every single byte of the sample, changed: what is read may differ, but nothing worse happens.
        let bytes = Array(ExportSample.text.utf8)
        var failures = 0
        for index in stride(from: 0, to: bytes.count, by: 7) {
            await Task.yield()
            for replacement in [UInt8(ascii: "*"), 0x00, UInt8(ascii: "\n"), UInt8(ascii: "[")] {
                var damaged = bytes
                damaged[index] = replacement
                do { _ = try ExportFile(yaml: YAMLSource(damaged)) } catch { failures += 1 }
            }
        }
        #expect(failures > 100)
        for length in stride(from: 0, to: bytes.count, by: 13) {
            do { _ = try ExportFile(yaml: YAMLSource(Array(bytes[..<length]))) } catch { failures += 1 }
        }
    }
}
