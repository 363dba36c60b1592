import ButlerModel
import Foundation
import Query
import RepositoryConfiguration
import StructuredData
import Testing

@testable import Butler
@testable import Datastore

/// Export files of more than one batch, whose first dataset and last have to do with each other.
@Suite struct LargeExportTests {
    /// The datasets of a file, by number: identifier, value of `htm7`, path.
    fileprivate struct Content {
        static let last = BatchSpool.batchSize + 200

        var ids: [Int: Int] = [:]
        var pixels: [Int: String] = [:]
        var paths: [Int: String] = [:]
        /// The last dataset is in this one, the others in `r`.
        var lastRun = "s"
        var sections = ""

        func id(_ number: Int) -> DatasetID { DatasetID(high: 7, low: UInt64(ids[number] ?? number)) }

        var text: String {
            func records(_ numbers: some Sequence<Int>) -> String {
                numbers.map { number in
                    """
                      - dataset_id: [!uuid '\(id(number))']
                        data_id: [{htm7: \(pixels[number] ?? "\(131_072 + number)")}]
                        path: \(paths[number] ?? "\(number).json")
                        formatter: lsst.daf.butler.formatters.json.JsonFormatter

                    """
                }.joined()
            }
            return ExportSample.file(
                """
                - {type: run, name: r}
                - {type: run, name: s}
                - {type: collection, collection_type: TAGGED, name: tag}
                - {type: collection, collection_type: CALIBRATION, name: calib}
                - {type: dataset_type, name: t, dimensions: [htm7], storage_class: StructuredDataDict, is_calibration: true}
                - type: dataset
                  dataset_type: t
                  run: r
                  records:
                \(records(0..<Self.last))- type: dataset
                  dataset_type: t
                  run: \(lastRun)
                  records:
                \(records([Self.last]))\(sections)
                """)
        }

        mutating func tag(_ ids: [DatasetID]) {
            sections += "- type: associations\n  collection: tag\n  collection_type: TAGGED\n  dataset_ids:\n"
            for id in ids { sections += "  - !uuid '\(id)'\n" }
        }

        mutating func certify(_ id: DatasetID, from begin: Int, to end: Int) {
            sections +=
                "- type: associations\n  collection: calib\n  collection_type: CALIBRATION\n  validity_ranges:\n"
                + "  - {begin: \(begin)-01-01 00:00:00, end: \(end)-01-01 00:00:00, dataset_ids: [!uuid '\(id)']}\n"
        }
    }

    private func withTarget(
        _ content: Content, files: Range<Int> = 0..<0, _ body: (DirectButler, String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("large-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let environment = ConfigurationEnvironment(variables: [:])
        try await DirectButler.create(folder + "/target", options: try creation(), environment: environment)
        try FileManager.default.createDirectory(atPath: folder + "/export", withIntermediateDirectories: true)
        try content.text.write(toFile: folder + "/export/export.yaml", atomically: true, encoding: .utf8)
        for number in files { try "{}".write(toFile: folder + "/export/\(number).json", atomically: false, encoding: .utf8) }
        let target = try await DirectButler.open(
            folder + "/target", writeable: true, environment: environment, onWarning: { _ in })
        try await body(target, folder + "/export")
        try await target.close()
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Part of the error's text.
        let complaint: String
        let isWithoutFiles: Bool
        fileprivate let content: Content

        fileprivate init(
            _ name: String, _ complaint: String, isWithoutFiles: Bool = true, _ change: (inout Content) -> Void
        ) {
            testDescription = name
            self.complaint = complaint
            self.isWithoutFiles = isWithoutFiles
            var content = Content()
            change(&content)
            self.content = content
        }
    }

    private static let last = Content.last
    private static let twice = "(run=s id=00000000-0000-0007-0000-000000000000) is given twice"

    static let cases = [
        Case("one identifier twice", twice) { $0.ids[last] = 0 },
        Case("one data ID twice in a run", "{htm7: 131072} [sc=StructuredDataDict] (run=r id=00000000-0000-0007-0000-") {
            $0.pixels[last] = "131072"
            $0.lastRun = "r"
        },
        Case("a data ID that means nothing comes before identifiers", "htm7") {
            $0.ids[last - 1] = 0
            $0.pixels[last] = "north"
        },
        Case("a path that leads elsewhere comes before identifiers", "../x.json", isWithoutFiles: false) {
            $0.ids[1] = 0
            $0.paths[last] = "../x.json"
        },
        Case("a run that the file does not define comes before members", "'nowhere'") {
            $0.lastRun = "nowhere"
            $0.tag([DatasetID(high: 9, low: 9)])
        },
        Case("a member that the file does not have comes before identifiers", "00000000-0000-0009-0000-000000000009") {
            $0.ids[last] = 0
            $0.tag([DatasetID(high: 9, low: 9)])
        },
        Case("identifiers come before tags", "is given twice") {
            $0.ids[last - 1] = 0
            $0.pixels[last] = "131072"
            $0.tag([$0.id(0), $0.id(last)])
        },
        Case("two datasets for one place in a tag", "would hold two 't' datasets for {htm7: 131072}") {
            $0.pixels[last] = "131072"
            $0.tag([$0.id(0), $0.id(last)])
        },
        Case("two datasets that are valid at one time", "would both be valid during") {
            $0.pixels[last] = "131072"
            $0.certify($0.id(0), from: 2020, to: 2022)
            $0.certify($0.id(last), from: 2021, to: 2023)
        },
        Case("a file that is not there", ".json'; check the path", isWithoutFiles: false) { _ in },
    ]

    @Test(arguments: cases) func contradictionsFarApartAreRefused(_ bad: Case) async throws {
        try await withTarget(bad.content) { target, folder in
            for isDryRun in [true, false] {
                do {
                    _ = try await target.import(
                        .init(
                            directory: folder, transfer: .copy, isWithoutFiles: bad.isWithoutFiles, isDryRun: isDryRun))
                    Issue.record("it is taken in")
                } catch {
                    #expect("\(error)".contains(bad.complaint), "\(error)")
                }
            }
            let isEmpty = try await target.registry.read {
                try $0.datasetTypes(matching: ["*"]).found.isEmpty && $0.collectionInfo(.init()).isEmpty
            }
            #expect(isEmpty)
        }
    }

    @Test func aFileOfSeveralBatchesComesWhole() async throws {
        var content = Content()
        content.pixels[Self.last] = "131072"
        content.tag([content.id(0), content.id(1), content.id(Self.last - 1)])
        content.certify(content.id(0), from: 2020, to: 2021)
        content.certify(content.id(Self.last), from: 2021, to: 2022)
        try await withTarget(content, files: 0..<(Self.last + 1)) { target, folder in
            let total = Self.last + 1
            #expect(try await target.import(.init(directory: folder, transfer: .auto, isDryRun: true)) == total)
            #expect(try await target.import(.init(directory: folder, transfer: .auto)) == total)
            func found(in collection: String) async throws -> [DatasetRef] {
                try await target.queryDatasets("t", collections: [collection], findFirst: false, limit: nil)
            }
            let all = try await found(in: "r")
            #expect(Set(all.map(\.id)) == Set((0..<Self.last).map { content.id($0) }))
            #expect(all.allSatisfy { $0.dataID["htm7"] == .int(131_072 + Int64($0.id.low)) })
            #expect(try await Set(found(in: "tag").map(\.id)) == [content.id(0), content.id(1), content.id(Self.last - 1)])
            #expect(try await Set(found(in: "calib").map(\.id)) == [content.id(0), content.id(Self.last)])
            for number in [0, BatchSpool.batchSize - 1, BatchSpool.batchSize, Self.last] {
                #expect(try await target.stored(content.id(number)).first?.exists() == true)
            }
            // Once more: the datastore has them.
            await #expect(throws: ButlerError.self) { try await target.import(.init(directory: folder, transfer: .copy)) }
        }
    }

    /// What is exported comes in several pages, in no order, and partly twice.
    @Test func anExportOfSeveralPagesIsInOrder() async throws {
        var content = Content()
        content.pixels[Self.last] = "131072"
        let tagged = (0..<Self.last).filter { $0 % 2 == 0 }.map { content.id($0) }
        content.tag(tagged)
        for number in 0..<1200 { content.certify(content.id(number), from: 2020, to: 2021) }
        content.certify(content.id(1300), from: 2019, to: 2020)
        content.certify(content.id(Self.last), from: 2021, to: 2022)
        try await withTarget(content, files: 0..<(Self.last + 1)) { target, folder in
            _ = try await target.import(.init(directory: folder, transfer: .auto))
            var refs: [DatasetRef] = []
            for run in ["r", "s"] { refs += try await target.query.datasets("t", in: [run]).all() }
            refs.shuffle()
            let result = folder + "/again"
            try await target.export(to: result, transfer: .hardlink) { export in
                for name in ["tag", "calib", "r", "s"] { try await export.saveCollection(name) }
                try await export.saveDatasets(Array(refs.prefix(1000)))
                var pages = stride(from: 900, to: refs.count, by: 700).map { Array(refs[$0...].prefix(700)) }.makeIterator()
                try await export.saveDatasets { pages.next() }
                #expect(export.datasetCount == refs.count)
            }
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: result + "/export.yaml")))
            let file = try ExportFile(yaml: YAMLSource(bytes))
            #expect(file.datasets.map(\.run) == ["r", "s"] && file.datasets.map(\.fileCount) == [Self.last, 1])
            let paths = try file.files(of: file.datasets[0]).compactMap(\.path)
            #expect(paths == paths.sorted() && Set(paths).count == Self.last)
            #expect(paths.allSatisfy { FileManager.default.fileExists(atPath: result + "/" + $0) })
            let known = Dictionary(uniqueKeysWithValues: refs.map { ($0.id, $0.dataID["htm7"]) })
            for saved in try file.files(of: file.datasets[0]) {
                #expect(saved.datasets.map { $0.dataID["htm7"] } == saved.datasets.map { known[$0.id] ?? nil })
            }
            #expect(file.tags == [.init(collection: "tag", ids: tagged.sorted())])
            #expect(file.validityRanges.map(\.ids.count) == [1, 1200, 1])
            #expect(file.validityRanges[1].ids == (0..<1200).map { content.id($0) }.sorted())
            #expect(file.validityRanges.map(\.timespan.begin) == file.validityRanges.map(\.timespan.begin).sorted())
        }
    }

    @Test func filesThatDoNotFitIntoMemoryComeBackInTheirOrder() throws {
        let files = (0..<25).map { number in
            ExportFile.File(
                datasets: (0..<(1 + number % 3)).map {
                    .init(id: .numbered(Int64(number * 10 + $0)), dataID: ["a": .int(Int64($0)), "b": .string("ü \(number)")])
                }, path: number % 4 == 0 ? nil : "\(number)/x", formatter: number % 5 == 0 ? nil : "a.B\(number % 2)")
        }
        for count in [0, 1, 7, 14, 25] {
            let held = ExportedFiles(pageSize: 7)
            for (number, file) in files.prefix(count).enumerated() { try held.append(file, section: number / 10) }
            #expect(held.pageCount == (count + 6) / 7)
            for _ in 0..<2 {
                let read = try (0..<held.pageCount).flatMap { try held.page($0) }
                #expect(read.map(\.file) == Array(files.prefix(count)))
                #expect(read.map(\.section) == (0..<count).map { $0 / 10 })
            }
        }
    }

    @Test func filesOfASectionThatTurnsOutToBeNoneAreLeftOut() throws {
        let file = try ExportSample.read(
            ExportSample.file(
                """
                - {type: dataset, records: [{dataset_id: 1, data_id: {}}], type: run, name: x}
                - {type: dataset, dataset_type: t, run: r, records: [{dataset_id: 2, data_id: {}}]}
                """))
        #expect(file.datasets.count == 1)
        #expect(try file.files(of: 0).map { $0.datasets[0].id } == [.numbered(2)])
    }
}
