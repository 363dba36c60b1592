import AstroTime
import ButlerModel
import StructuredData
import Testing

@testable import Butler

@Suite struct ExportFileTests {
    @Test func aFileOfPythonIsReadWhole() throws {
        let file = try ExportSample.read(ExportSample.text)
        #expect(file.universeVersion == 8)
        #expect(file.universeNamespace == "daf_butler")
        #expect(
            file.records.map(\.element) == [
                "instrument", "skymap", "day_obs", "detector", "physical_filter", "visit_system", "visit",
                "visit_detector_region", "visit_system_membership",
            ])
        let visit = try #require(file.records.first { $0.element == "visit" }?.records.first)
        #expect(visit["exposure_time"] == .float(240))
        #expect(visit["datetime_begin"] == .datetime(.init(rawValue: 1_395_740_059_634_000_000)))
        guard case .region? = visit["region"], case .hash(let hash)? = file.records[1].records[0]["hash"] else {
            Issue.record("the region or the hash is missing")
            return
        }
        #expect(hash.count == 20)
        #expect(file.collections.count == 6)
        #expect(file.collections[5].children == ["HSC/runs/RC2/DM-00002", "HSC/runs/RC2/DM-00001"])
        #expect(file.collections[1].documentation == "Certified calibrations.")
        #expect(file.datasetTypes.map(\.isCalibration) == [false, true])
        #expect(file.datasets.map(\.run) == ["HSC/runs/RC2/DM-00001", "HSC/calib/gen/2026A"])
        let dataset = try #require(file.files(of: 0).first?.datasets.first)
        #expect(dataset.id.description == "c349e416-3a49-5d36-8993-ef012907ce5f")
        #expect(dataset.dataID == ["instrument": "HSC", "detector": 90, "visit": 318])
        #expect(file.tags == [.init(collection: "HSC/best", ids: [dataset.id])])
        #expect(file.validityRanges.first?.timespan.begin.rawValue == 1_356_998_400_000_000_000)
    }

    @Test func whatIsWrittenIsByteForByteWhatPythonWrites() async throws {
        let universe = try await ExportSample.universe()
        let file = try ExportSample.read(ExportSample.text)
        var writer = ExportFileWriter(universe: universe)
        for section in file.records {
            let element = try universe.requireElement(section.element)
            try writer.records(element, try section.records.map { try ExportedRecord($0, element).record })
        }
        for collection in file.collections { writer.collection(collection) }
        for (definition, datasets) in zip(file.datasetTypes, file.datasets) {
            let type = try DatasetType(
                name: definition.name, dimensions: try universe.group(definition.dimensions),
                storageClass: definition.storageClass, isCalibration: definition.isCalibration)
            writer.datasets(type, run: datasets.run, files: try file.files(of: datasets))
        }
        for tags in file.tags { writer.tags(tags) }
        try writer.validityRanges(file.validityRanges, of: "HSC/calib")
        #expect(String(decoding: writer.bytes, as: UTF8.self) == ExportSample.text)
    }

    @Test func longListsAreWrittenInPiecesWithoutASeam() async throws {
        let universe = try await ExportSample.universe()
        let type = try DatasetType(name: "t", dimensions: try universe.group(["detector"]), storageClass: "int")
        let files = (0..<1203).map { number in
            ExportFile.File(
                datasets: [.init(id: .numbered(Int64(number)), dataID: ["instrument": "C", "detector": .int(Int64(number))])],
                path: "a long path with blanks that has to be folded over lines/\(number)/file name.json",
                formatter: "a.B")
        }
        var writer = ExportFileWriter(universe: universe)
        writer.datasets(type, run: "r", files: files)
        writer.datasets(type, run: "none", files: [])
        let read = try ExportFile(yaml: YAMLSource(writer.bytes))
        #expect(read.datasets.map(\.fileCount) == [1203, 0])
        #expect(try read.files(of: 0) == files)
    }

    @Test func piecesAreWrittenAsTheWhole() async throws {
        let universe = try await ExportSample.universe()
        let file = try ExportSample.read(ExportSample.text)
        let element = try universe.requireElement("detector")
        let records = try (0..<5).map { number in
            try DimensionRecord(
                element, ["instrument": .string("C"), "id": .int(number), "full_name": .string("D\(number)")])
        }
        let type = try DatasetType(name: "t", dimensions: try universe.group(["detector"]), storageClass: "int")
        let files = (0..<5).map { number in
            ExportFile.File(datasets: [.init(id: .numbered(number), dataID: ["detector": .int(number)])], path: "\(number)")
        }
        let ids = (0..<1300).map { DatasetID.numbered($0) }
        let range = try #require(file.validityRanges.first)
        func ranged(_ ids: [DatasetID]) -> ExportFile.ValidityRange {
            .init(collection: range.collection, timespan: range.timespan, ids: ids)
        }
        var whole = ExportFileWriter(universe: universe)
        try whole.records(element, records)
        whole.datasets(type, run: "r", files: files)
        whole.tags(.init(collection: "tag", ids: ids))
        try whole.validityRanges([ranged(ids), ranged([ids[0]])], of: range.collection)

        var pieces = ExportFileWriter(universe: universe)
        var text: [UInt8] = []
        #expect(pieces.take(atLeast: 1) == nil)
        for number in 0..<5 {
            try pieces.records(element, [records[number]], continues: number > 0)
            text += pieces.take(atLeast: 1) ?? []
        }
        for number in 0..<5 { pieces.datasets(type, run: "r", files: [files[number]], continues: number > 0) }
        pieces.tags(.init(collection: "tag", ids: Array(ids[..<600])))
        pieces.tags(.init(collection: "tag", ids: Array(ids[600...])), continues: true)
        try pieces.validityRange(ranged(Array(ids[..<700])))
        try pieces.validityRange(ranged(Array(ids[700...])), after: .sameRange)
        try pieces.validityRange(ranged([ids[0]]), after: .otherRanges)
        text += pieces.bytes
        #expect(text == whole.bytes)
        let read = try ExportFile(yaml: YAMLSource(text))
        #expect(read.tags.map(\.ids) == [ids] && read.validityRanges.map(\.ids) == [ids, [ids[0]]])
    }

    @Test func oldFormsAreRead() throws {
        let file = try ExportSample.read(
            ExportSample.file(
                """
                - {type: run, name: old}
                - type: collection
                  collection_type: CHAINED
                  name: chain
                  children: [[old, '...'], plain]
                - type: dataset_type
                  name: t
                  dimensions: [detector]
                  storage_class: int
                - records:
                  - {dataset_id: 12, data_id: {instrument: C, detector: 3}, path: a.json}
                  run: old
                  dataset_type: t
                  type: dataset
                - type: associations
                  collection: c
                  collection_type: calibration
                  validity_ranges:
                  - {begin: 2020-01-01 00:00:00, end: null, dataset_ids: [12]}
                - type: dimension
                  element: visit
                  records:
                  - {datetime_begin: 2020-01-01T02:00:00.25+02:00, timespan: !lsst.daf.butler.Timespan EMPTY}
                """, version: "0"))
        #expect(file.collections[0] == .init(name: "old", type: .run))
        #expect(file.collections[1].children == ["old", "plain"])
        // uuid.uuid3(UUID('4d4851f4-2890-4d41-8779-5f38a3f5062b'), '12')
        let id = DatasetID.numbered(12)
        try #expect(file.files(of: 0)[0].datasets == [.init(id: id, dataID: ["instrument": "C", "detector": 3])])
        #expect(id.description == "\(ExportFileTests.twelve)")
        // UTC is 37 seconds behind TAI.
        #expect(file.validityRanges[0].timespan.begin.rawValue == 1_577_836_837_000_000_000)
        #expect(file.validityRanges[0].timespan.hasUnboundedEnd)
        #expect(file.records[0].records[0]["datetime_begin"] == .datetime(.init(rawValue: 1_577_836_837_250_000_000)))
        #expect(file.records[0].records[0]["timespan"] == .timespan(.empty))
    }

    static let twelve = "28280d11-adc8-3321-ab2a-2283fbfcc184"

    @Test func aliasesOfPythonAreFollowed() throws {
        let file = try ExportSample.read(
            ExportSample.file(
                """
                - type: dataset
                  dataset_type: t
                  run: r
                  records: &all
                  - dataset_id: [&one !uuid '00000000-0000-0000-0000-000000000001']
                    data_id: [{}]
                    path: a
                - &tag
                  type: associations
                  collection: c
                  collection_type: TAGGED
                  dataset_ids: [*one]
                - *tag
                """))
        #expect(file.datasets[0].fileCount == 1)
        #expect(file.tags.count == 2)
    }

    @Test func mergeKeysAreResolved() throws {
        let file = try ExportSample.read(
            """
            shared: {a: &a {instrument: C, visit: 9}, b: &b {<<: *a, detector: 7}}
            """ + "\n"
                + ExportSample.file(
                    """
                    - type: dataset
                      dataset_type: t
                      run: r
                      records:
                      - dataset_id: [1, 2, 3]
                        data_id:
                        - {<<: *a, detector: 1}
                        - {visit: 2, <<: *b}
                        - <<: [{visit: 3}, *b]
                          instrument: D
                        path: a
                    """))
        #expect(
            try file.files(of: 0)[0].datasets.map(\.dataID) == [
                ["instrument": "C", "visit": 9, "detector": 1], ["instrument": "C", "visit": 2, "detector": 7],
                ["instrument": "D", "visit": 3, "detector": 7],
            ])
    }

    // MARK: Migrations

    @Test func recordsOfUniverseZeroGetTheDimensionsOfToday() async throws {
        let universe = try await ExportSample.universe()
        var file = try ExportSample.read(
            ExportSample.file(
                """
                - type: dimension
                  element: exposure
                  records:
                  - {instrument: C, id: 1, day_obs: 20200203, group_name: g1, group_id: 7, obs_id: e, physical_filter: F}
                - type: dimension
                  element: visit
                  records:
                  - instrument: C
                    id: 2
                    visit_system: 0
                    seeing: 0.8
                    name: v
                    physical_filter: F
                    datetime_begin: !butler_time/tai/iso '2020-02-04 04:05:06.000000000'
                    datetime_end: !butler_time/tai/iso '2020-02-04 04:05:07.000000000'
                - type: dataset_type
                  name: t
                  dimensions: [instrument, visit, visit_system]
                  storage_class: int
                """, universe: 0))
        let warnings = try ExportMigration.run(&file, universe: universe)
        func records(_ element: String) -> [[String: ColumnValue]] {
            file.records.filter { $0.element == element }.flatMap(\.records)
        }
        #expect(records("exposure")[0]["group"] == .string("g1"))
        #expect(records("exposure")[0]["group_id"] == nil)
        #expect(records("group") == [["instrument": .string("C"), "name": .string("g1")]])
        #expect(records("visit")[0]["day_obs"] == .int(20_200_204))
        #expect(records("visit")[0]["seeing"] == nil)
        #expect(
            records("visit_system_membership") == [
                ["instrument": .string("C"), "visit_system": .int(0), "visit": .int(2)]
            ])
        #expect(records("day_obs").map { $0["id"] } == [.int(20_200_203), .int(20_200_204)])
        #expect(file.datasetTypes[0].dimensions == ["instrument", "visit"])
        #expect(warnings.count == 2)
    }

    @Test func filesOfTheSameUniverseStayAsTheyAre() async throws {
        let universe = try await ExportSample.universe()
        var file = try ExportSample.read(ExportSample.text)
        let count = file.records.count
        #expect(try ExportMigration.run(&file, universe: universe).isEmpty)
        #expect(file.records.count == count)
    }
}
