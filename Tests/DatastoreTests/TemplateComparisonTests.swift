import ButlerModel
import Foundation
import StructuredData
import Testing

@testable import Datastore

/// Compares paths with those of the Python software. The environment variable `STEWARD_TEMPLATE_CASES` names a file of
/// JSON lines: a universe, then cases `{template, ref, load, valid, path}`.
@Suite struct TemplateComparisonTests {
    static let cases = ProcessInfo.processInfo.environment["STEWARD_TEMPLATE_CASES"]

    @Test(.enabled(if: cases != nil, "STEWARD_TEMPLATE_CASES names no file of cases"))
    func pathsAreThoseOfThePythonSoftware() throws {
        let text = try String(contentsOfFile: try #require(Self.cases), encoding: .utf8)
        let universe = try TestData.universe()
        var counts = (cases: 0, loaded: 0, valid: 0, paths: 0)
        for line in text.split(separator: "\n").dropFirst() {
            let document = try StructuredValue(json: String(line))
            let template = try #require(document["template"]?.stringValue)
            let ref = try DatasetRef(
                wire: DocumentReader(try #require(document["ref"]), path: "ref"), universe: universe)
            counts.cases += 1
            let parsed = try? FileTemplate(template)
            #expect((parsed != nil) == document["load"]?.boolValue, "load \(line.prefix(300))")
            guard let parsed, document["load"]?.boolValue == true else { continue }
            counts.loaded += 1
            var valid = true
            do { try parsed.validate(for: ref.datasetType) } catch { valid = false }
            #expect(valid == document["valid"]?.boolValue, "valid \(template) \(ref)")
            if valid { counts.valid += 1 }
            // Python leaves it to the file system to refuse what is no path inside the root.
            let expected = document["path"]?.stringValue.flatMap { path in
                path == "." || path == ".." || path.hasPrefix("../") || path.utf8.contains(0) ? nil : path
            }
            do {
                let path = try parsed.path(for: ref)
                #expect(path == expected, "\(template) \(ref) \(document["error"] ?? .null)")
                if path == expected { counts.paths += 1 }
            } catch {
                #expect(expected == nil, "\(template) \(ref): \(error)")
            }
        }
        print("template comparison:", counts)
    }
}
