import ButlerModel
import Database
import FITS
import Foundation
import ObjectStorage
import StructuredData
import Tables
import Testing

@testable import Datastore

@Suite struct FileDatastoreTests {
    static func detectorRef(
        _ name: String = "d", storageClass: String = "StructuredDataDict", detector: Int64 = 7, run: String = "u/r",
        instrument: String = "Cam"
    ) throws -> DatasetRef {
        try TestData.ref(
            name, ["detector"], ["instrument": .string(instrument), "detector": .int(detector)], run: run,
            attributes: ["detector.full_name": .string("R\(detector)")], storageClass: storageClass,
            id: DatasetID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(detector)))
    }

    // MARK: Writing and reading

    @Test func aDatasetIsWrittenRecordedAndReadBack() async throws {
        let repository = try await TestRepository()
        let ref = try Self.detectorRef()
        let value: StructuredValue = ["b": 2.5, "a": ["é", nil, true]]
        try await repository.put(.structured(value), ref)
        #expect(repository.artifacts == ["u/r/d/d_Cam_R7_u_r.yaml"])
        #expect(
            try repository.directory.bytes(of: "u/r/d/d_Cam_R7_u_r.yaml")
                == Array("b: 2.5\na:\n- \"\\xE9\"\n- null\n- true\n".utf8))
        let stored = try #require(try await repository.stored(ref.id).first)
        #expect(
            stored.infos == [
                StoredFileInfo(
                    formatter: FormatterName.yaml, path: "u/r/d/d_Cam_R7_u_r.yaml", storageClass: "StructuredDataDict",
                    fileSize: 33)
            ])
        #expect(try await repository.get(ref).structured == value)
        #expect(try await stored.exists())
        try await stored.check(ref)
        #expect(
            try stored.locations()[""]?.description == "file://\(repository.directory.path)/u/r/d/d_Cam_R7_u_r.yaml")
    }

    @Test func tablesAndRowsAreThoseOfPython() async throws {
        let repository = try await TestRepository()
        let ref = try Self.detectorRef()
        #expect(try await repository.stored(ref.id).isEmpty)
        try await repository.put(.structured([:]), ref)
        let found = try await repository.database.read { connection in
            (
                try connection.fetchAll(
                    "SELECT sql FROM sqlite_master WHERE tbl_name = 'file_datastore_records' AND sql IS NOT NULL"
                ) {
                    try $0.text(0)
                },
                try connection.fetchAll("SELECT table_name FROM opaque_meta") { try $0.text(0) },
                try connection.fetchAll("SELECT datastore_name, dataset_id FROM dataset_location") {
                    [try $0.text(0), try $0.text(1)]
                },
                try connection.fetchAll("SELECT dataset_id, component FROM file_datastore_records") {
                    [try $0.text(0), try $0.text(1)]
                }
            )
        }
        let words = found.0.map { $0.split { $0 == " " || $0 == "\n" || $0 == "\t" }.joined(separator: " ") }
        let definition = """
            CREATE TABLE file_datastore_records ( dataset_id CHAR(32) NOT NULL, path TEXT NOT NULL, \
            formatter TEXT NOT NULL, storage_class TEXT NOT NULL, component VARCHAR(32) NOT NULL, checksum TEXT, \
            file_size BIGINT, PRIMARY KEY (dataset_id, component), CONSTRAINT file_datastore_records_len_component \
            CHECK (length("component")<=32 AND length("component")>=1) )
            """
        #expect(words.first == definition)
        #expect(words.last == "CREATE INDEX file_datastore_records_idx_path ON file_datastore_records (path)")
        #expect(found.1 == ["file_datastore_records"])
        #expect(found.2 == [["FileDatastore@<butlerRoot>", ref.id.compactDescription]])
        #expect(found.3 == [[ref.id.compactDescription, "__NULL_STRING__"]])
    }

    @Test func formatsAreThoseOfPython() async throws {
        let repository = try await TestRepository("datastore: {checksum: true}")
        let cases: [(String, StructuredValue, String, String)] = [
            ("int", 2090, "2090", ".json"), ("Timespan", [0, 17], "[0, 17]", ".json"),
            ("TaskMetadata", ["k": ["a": 1.0, "ü": .float(.nan)]], #"{"k": {"a": 1.0, "ü": NaN}}"#, ".json"),
            (
                "Packages", ["python": "3.13.0", "lsst.daf.butler": "30.0"],
                "!<lsst.utils.packages.Packages>\nlsst.daf.butler: '30.0'\npython: 3.13.0\n", ".yaml"
            ),
            (
                "ButlerLogRecords", ["label": "x", "records": []],
                #"{"extended":true,"version":2,"records":[],"label":"x"}"#, ".json"
            ),
        ]
        for (index, (storageClass, value, text, pathExtension)) in cases.enumerated() {
            let ref = try Self.detectorRef("t\(index)", storageClass: storageClass, detector: Int64(index))
            try await repository.put(.structured(value), ref)
            let info = try #require(try await repository.stored(ref.id).first?.infos.first)
            #expect(info.path.hasSuffix(pathExtension))
            #expect(String(decoding: try repository.directory.bytes(of: info.path), as: UTF8.self) == text)
            #expect(info.checksum == BLAKE2b.hexadecimalDigest(of: Array(text.utf8)))
            let read = try await repository.get(ref).structured
            if storageClass != "TaskMetadata" && storageClass != "ButlerLogRecords" { #expect(read == value) }
        }
    }

    @Test func aValueThatIsNotOfTheStorageClassIsRefused() async throws {
        let repository = try await TestRepository()
        for (storageClass, value) in [
            ("int", "x"), ("Timespan", [1]), ("Timespan", [1, "a"]), ("StructuredDataDict", [1]),
            ("Packages", ["a": 1]), ("ButlerLogRecords", 3), ("ButlerLogRecords", [["name": "a"]]), ("StructuredDataDict", nil),
        ] as [(String, StructuredValue)] {
            let ref = try Self.detectorRef(storageClass: storageClass)
            await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.structured(value), ref) }
        }
        // No formatter by default, and one that only Python can write.
        for storageClass in ["StructuredDataList", "NumpyArray"] {
            let ref = try Self.detectorRef(storageClass: storageClass)
            await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.structured([1]), ref) }
        }
        #expect(repository.artifacts.isEmpty)
    }

    @Test func filesOfOtherFormatsPassThroughUnchanged() async throws {
        let repository = try await TestRepository()
        let bytes: [UInt8] = [0x80, 0x05, 0x2E, 0x00]
        let ref = try Self.detectorRef(storageClass: "NumpyArray")
        try await repository.put(.opaque(OpaqueDataset(bytes: bytes, pathExtension: ".pickle")), ref)
        guard case .opaque(let file) = try await repository.get(ref) else { Issue.record("no file"); return }
        #expect(try await file.bytes() == bytes)
        #expect(file.localPath == repository.directory.path + "/u/r/d/d_Cam_R7_u_r.pickle")
        try repository.directory.write(TableDatasetTests.ecsv, to: "in.ecsv")
        let table = try Self.detectorRef("t", storageClass: "AstropyTable", detector: 8)
        try await repository.put(.opaque(try OpaqueDataset(localPath: repository.directory.path + "/in.ecsv")), table)
        guard case .table(let read) = try await repository.get(table) else { Issue.record("no table"); return }
        #expect(try read == Table(ecsv: TableDatasetTests.ecsv))
    }

    @Test func figuresAndTaskConfigurationsHaveTheirExtensions() async throws {
        let repository = try await TestRepository()
        let plot = try Self.detectorRef(storageClass: "Plot")
        try await repository.put(.opaque(OpaqueDataset(bytes: [0x89, 0x50], pathExtension: "")), plot)
        let wrong = try Self.detectorRef("w", storageClass: "Plot", detector: 9)
        for value in [.opaque(OpaqueDataset(bytes: [1], pathExtension: ".pdf")), .structured([:])] as [DatasetValue] {
            await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(value, wrong) }
        }
        let task = try Self.detectorRef("t", storageClass: "Config", detector: 8)
        try await repository.put(.text("config.x = 1\n"), task)
        #expect(repository.artifacts == ["u/r/d/d_Cam_R7_u_r.png", "u/r/t/t_Cam_R8_u_r.py"])
        #expect(try await repository.get(task).converted(to: String.self, dataset: "it") == "config.x = 1\n")
        #expect(try await repository.get(plot).converted(to: OpaqueDataset.self, dataset: "it").bytes() == [0x89, 0x50])
    }

    @Test func fitsFilesAreReadAndWrittenAsSuch() async throws {
        let repository = try await TestRepository()
        let image = try FITSImage(shape: [2, 3], pixels: .float([1, 2, 3, 4, 5, 6]))
        let file = FITSFile(hdus: [.image(FITSImageHDU(image: image))])
        let ref = try Self.detectorRef(storageClass: "ExposureF")
        try await repository.put(.fits(file), ref)
        let info = try #require(try await repository.stored(ref.id).first?.infos.first)
        #expect(info.formatter == "lsst.obs.base.formatters.fitsExposure.FitsExposureFormatter")
        #expect(info.path == "u/r/d/d_Cam_R7_u_r.fits" && info.fileSize == 5760)
        guard case .fits(let read) = try await repository.get(ref) else { Issue.record("no FITS file"); return }
        guard case .image(let hdu)? = read.hdus.first else { Issue.record("no image"); return }
        #expect(hdu.image == image)

        // A class that cannot read FITS must not be recorded for it; the one for tables can.
        for storageClass in ["StructuredDataDict", "int", "NumpyArray", "ArrowAstropy"] {
            let wrong = try Self.detectorRef("w", storageClass: storageClass, detector: 9)
            await #expect(throws: DatastoreError.self) { try await repository.datastore.stage(.fits(file), wrong) }
        }
        let table = try Self.detectorRef("t", storageClass: "AstropyTable", detector: 8)
        try await repository.put(.fits(file), table)
        #expect(repository.artifacts == ["u/r/d/d_Cam_R7_u_r.fits", "u/r/t/t_Cam_R8_u_r.fits"])
        await #expect(throws: DatastoreError.self) {
            try await repository.get(table).converted(to: Table.self, dataset: "it")
        }
    }

    @Test func tablesInFITSFilesAreReadAsTables() async throws {
        let repository = try await TestRepository()
        let columns = [
            FITSColumn("id", .int64([1, 2])), FITSColumn("ra", .double([1.5, 2.5]), unit: "deg"),
            FITSColumn("name", .string(["a", "b"], width: 1)),
            FITSColumn("pair", .int16([1, 2, 3, 4]), elementsPerRow: 2),
        ]
        let content = FITSTableHDU(table: try FITSTable(rowCount: 2, columns: columns))
        let ref = try Self.detectorRef("t", storageClass: "AstropyTable")
        try await repository.put(.fits(FITSFile(hdus: [.image(FITSImageHDU()), .table(content)])), ref)
        let table = try await repository.get(ref).converted(to: Table.self, dataset: "it")
        #expect(table.rowCount == 2)
        #expect(
            table.columns == [
                try TableColumn("id", .int64([1, 2])), try TableColumn("ra", .double([1.5, 2.5]), unit: "deg"),
                try TableColumn("name", .strings(["a", "b"])), try TableColumn("pair", .int16([1, 2, 3, 4]), shape: [2]),
            ])
        var unreadable = columns
        unreadable.append(FITSColumn("z", .unsupported(format: "1PE(3)")))
        let other = DatasetValue.fits(
            FITSFile(hdus: [.table(FITSTableHDU(table: try FITSTable(rowCount: 2, columns: unreadable)))]))
        let error = #expect(throws: DatastoreError.self) { try other.converted(to: Table.self, dataset: "it") }
        #expect("\(try #require(error))".contains("table column 'z' is not usable"))
    }

    // MARK: Failures

    @Test func aRefusedDatasetLeavesNoFileAndTouchesNone() async throws {
        let repository = try await TestRepository()
        let ref = try Self.detectorRef()
        try await repository.put(.structured(["first": 1]), ref)
        await #expect(throws: DatabaseError.self) { try await repository.put(.structured(["second": 2]), ref) }
        #expect(repository.artifacts == ["u/r/d/d_Cam_R7_u_r.yaml"])
        #expect(try await repository.get(ref).structured == ["first": 1])
        let staged = try await repository.datastore.stage(.structured([:]), try Self.detectorRef(detector: 8))
        #expect(repository.artifacts == ["u/r/d/d_Cam_R7_u_r.yaml"])
        try staged.publish()
        #expect(repository.artifacts.contains("u/r/d/d_Cam_R8_u_r.yaml"))
        try await staged.discard()
        #expect(repository.artifacts == ["u/r/d/d_Cam_R7_u_r.yaml"])
    }

    @Test func aFileThatCannotBeWrittenLeavesNothing() async throws {
        let repository = try await TestRepository()
        // The folder of the dataset cannot be made.
        try repository.directory.write("in the way", to: "u")
        await #expect(throws: ObjectStorageError.self) {
            try await repository.put(.structured([:]), try Self.detectorRef())
        }
        #expect(repository.artifacts == ["u"])
    }

    static let smallVolume = ProcessInfo.processInfo.environment["STEWARD_SMALL_VOLUME"]

    @Test(.enabled(if: smallVolume != nil, "STEWARD_SMALL_VOLUME names no folder of a volume below one megabyte"))
    func aDiskThatFillsUpLeavesNothingBehind() async throws {
        let volume = try #require(Self.smallVolume)
        let repository = try await TestRepository("datastore: {root: '\(volume)/store'}")
        let ref = try Self.detectorRef(storageClass: "NumpyArray")
        let large = OpaqueDataset(bytes: [UInt8](repeating: 1, count: 2 << 20), pathExtension: ".pickle")
        await #expect {
            try await repository.datastore.stage(.opaque(large), ref)
        } throws: { error in
            guard case ObjectStorageError.noSpace = error else { return false }
            return true
        }
        let left = FileManager.default.enumerator(atPath: volume + "/store")?.allObjects as? [String] ?? []
        // The writer, which lives on, keeps its folder: who it is, and locks, which are empty.
        let files = left.filter { name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: volume + "/store/" + name)
            return attributes?[.type] as? FileAttributeType == .typeRegular && attributes?[.size] as? Int != 0
                && !name.hasSuffix("/session.json")
        }
        #expect(files == [])
        #expect(!left.contains { $0.contains(".") && !$0.hasPrefix(".steward") })
    }

    @Test func missingAndDamagedFilesAreNamed() async throws {
        let repository = try await TestRepository()
        let ref = try Self.detectorRef()
        try await repository.put(.structured(["a": 1]), ref)
        let path = repository.directory.path + "/u/r/d/d_Cam_R7_u_r.yaml"
        try repository.directory.write("a: 12\n", to: "u/r/d/d_Cam_R7_u_r.yaml")
        await #expect(throws: DatastoreError.fileIntegrity(path: path, expected: 5, found: 6)) {
            try await repository.get(ref)
        }
        let stored = try #require(try await repository.stored(ref.id).first)
        #expect(try await stored.exists())
        await #expect(throws: DatastoreError.self) { try await stored.check(ref) }
        try FileManager.default.removeItem(atPath: path)
        await #expect(throws: DatastoreError.missingArtifact(path: path, dataset: ref.description)) {
            try await repository.get(ref)
        }
        #expect(try await !stored.exists())
        let other = try Self.detectorRef(detector: 9)
        await #expect(
            throws: DatastoreError.notStored(dataset: other.description, datastore: repository.datastore.name)
        ) {
            try await repository.get(other)
        }
    }

    @Test func brokenContentIsAnErrorThatNamesFileAndFormatter() async throws {
        let repository = try await TestRepository()
        let cases = [
            ("x.json", FormatterName.json, "{\"a\": "), ("x.yaml", FormatterName.yaml, "a: [1"),
            ("x.fits", "lsst.obs.base.formatters.fitsGeneric.FitsGenericFormatter", "SIMPLE = F"),
            ("y.json", FormatterName.prefix + "logs.ButlerLogRecordsFormatter", "[{]"),
        ]
        for (index, (name, formatter, text)) in cases.enumerated() {
            try repository.directory.write(text, to: name)
            let ref = try Self.detectorRef(detector: Int64(index))
            try await repository.record(StoredFileInfo(formatter: formatter, path: name, storageClass: "int"), ref.id)
            await #expect {
                try await repository.get(ref)
            } throws: { error in
                guard case DatastoreError.unreadable(let path, formatter, _) = error else { return false }
                return path == repository.directory.path + "/" + name
            }
        }
    }

    // MARK: Locations

    @Test func filesElsewhereOnThisMachineAreReadAndOthersAreNamed() async throws {
        let repository = try await TestRepository()
        let elsewhere = try TemporaryDirectory()
        try elsewhere.write("7", to: "a b.json")
        let ref = try Self.detectorRef(detector: 1)
        let uri = try ResourceURI(localPath: elsewhere.path + "/a b.json").description
        try await repository.record(
            StoredFileInfo(formatter: FormatterName.json, path: uri, storageClass: "int", fileSize: 1), ref.id)
        #expect(try await repository.get(ref).structured == 7)
        let remote = try Self.detectorRef(detector: 10)
        try await repository.record(
            StoredFileInfo(formatter: FormatterName.json, path: "ftp://host/x.json", storageClass: "int"), remote.id)
        await #expect(throws: ObjectStorageError.self) { try await repository.get(remote) }
        let climbing = try Self.detectorRef(detector: 12)
        try await repository.record(
            StoredFileInfo(formatter: FormatterName.json, path: "../x.json", storageClass: "int"), climbing.id)
        await #expect(throws: ObjectStorageError.self) { try await repository.get(climbing) }
    }

    @Test func membersOfZipArchivesAreRead() async throws {
        let repository = try await TestRepository()
        try repository.directory.write(
            ZipBuilder.archive([
                .init(name: "a.json", content: Array("[1, 2]".utf8)), .init(name: "b.json", content: Array("3".utf8)),
            ]),
            to: "zips/1/x.zip")
        for (index, (member, size)) in [("a.json", 6), ("b.json", 1), ("c.json", 1), ("b.json", 2)].enumerated() {
            let ref = try Self.detectorRef(detector: Int64(index))
            try await repository.record(
                StoredFileInfo(
                    formatter: FormatterName.json, path: "zips/1/x.zip#zip-path=\(member)", storageClass: "int",
                    fileSize: Int64(size)), ref.id)
            switch index {
            case 0: #expect(try await repository.get(ref).structured == [1, 2])
            case 1: #expect(try await repository.get(ref).structured == 3)
            default: await #expect(throws: DatastoreError.self) { try await repository.get(ref) }
            }
        }
    }

    @Test func runNamesThatWouldNotComeBackAreRefusedAndOthersDecodedAsInPython() throws {
        #expect(try ArtifactLocation.path("a%20b/c", extension: ".yaml").description == "a b/c.yaml")
        #expect(
            try ArtifactLocation.path("a/b#c%d_e/é/x_HASH", extension: ".yaml").description == "a/b#c%d_e/é/x_HASH.yaml"
        )
        for path in ["a%2520b/c", "a#b%20c/d", "run/..%2F..%2F..%2Fq", "s3://x/y"] {
            #expect(throws: ObjectStorageError.self) { try ArtifactLocation.path(path, extension: ".yaml") }
        }
    }
}
