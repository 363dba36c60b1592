import ButlerModel
import ObjectStorage
import StructuredData
import Testing

@testable import Datastore

@Suite struct ZipWriterTests {
    @Test func whatIsWrittenIsRead() async throws {
        let directory = try TemporaryDirectory()
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try directory.write(content, to: "source.bin")
        var writer = try ZipWriter(target: directory.path + "/a.zip")
        try writer.addDeflated("index.json", Array(String(repeating: "same ", count: 5000).utf8))
        try writer.add("größe/ü.txt", Array("ü".utf8))
        try writer.add("empty", [])
        try writer.add("source.bin", file: directory.path + "/source.bin")
        #expect(!directory.files().contains("a.zip"))
        try writer.finish(overwrites: false)

        let store = try POSIXObjectStore(root: try ResourceURI(localPath: directory.path))
        let source = try #require(try await ByteSource(store, ObjectPath("a.zip"), name: "a.zip"))
        let archive = try await ZipArchive(source)
        try archive.checkLayout()
        #expect(archive.members.count == 4)
        #expect(try await archive.read("source.bin") == content)
        #expect(try await archive.read("größe/ü.txt") == Array("ü".utf8))
        #expect(try await archive.read("empty").isEmpty)
        #expect(try await archive.read("index.json").count == 25000)
        #expect(archive.members["index.json"].map { $0.compressedSize < 200 } == true)
        #expect(archive.members["source.bin"]?.method == 0)
        #expect(directory.files().sorted() == ["a.zip", "source.bin"])
    }

    @Test func anUnfinishedArchiveLeavesNothing() throws {
        let directory = try TemporaryDirectory()
        do {
            var writer = try ZipWriter(target: directory.path + "/a.zip")
            try writer.add("a", [1, 2, 3])
            #expect(throws: ObjectStorageError.self) { try writer.add("b", file: directory.path + "/missing") }
        }
        #expect(directory.files().isEmpty)
    }

    @Test func anArchiveIsNotReplacedUnasked() throws {
        let directory = try TemporaryDirectory()
        try directory.write([1], to: "a.zip")
        #expect(throws: ObjectStorageError.alreadyExists(path: directory.path + "/a.zip")) {
            try ZipWriter(target: directory.path + "/a.zip").finish(overwrites: false)
        }
        #expect(directory.files() == ["a.zip"])
        try ZipWriter(target: directory.path + "/a.zip").finish(overwrites: true)
        #expect(directory.files() == ["a.zip"])
    }

    @Test func manyMembersNeedTheWideIndex() async throws {
        let directory = try TemporaryDirectory()
        var writer = try ZipWriter(target: directory.path + "/a.zip")
        for number in 0..<66_000 { try writer.add("m\(number)", [UInt8(truncatingIfNeeded: number)]) }
        try writer.finish(overwrites: false)
        let store = try POSIXObjectStore(root: try ResourceURI(localPath: directory.path))
        let source = try #require(try await ByteSource(store, ObjectPath("a.zip"), name: "a.zip"))
        let archive = try await ZipArchive(source)
        #expect(archive.members.count == 66_000)
        #expect(try await archive.read("m65999") == [UInt8(truncatingIfNeeded: 65_999)])
    }
}

@Suite struct DatasetArchiveTests {
    static let id = "824195c5-ac6b-5d82-a68a-9f75ea0700e8"
    static let member = "824195c5-both_Cam1_1.yaml"

    static func index(_ change: (inout StructuredMapping) -> Void = { _ in }) -> [UInt8] {
        var index: StructuredMapping = [
            "index_version": "V1",
            "refs": [
                "container_version": "V1", "universe_version": 8, "universe_namespace": "daf_butler",
                "dataset_types": [
                    "both": [
                        "name": "both", "storageClass": "StructuredDataDict", "dimensions": ["instrument", "detector"],
                        "parentStorageClass": nil, "isCalibration": false,
                    ]
                ],
                "compact_refs": .object([
                    id: [
                        "dataset_type_name": "both", "run": "r", "data_id": ["instrument": "Cam1", "detector": 1],
                    ]
                ]),
                "dimension_records": [
                    "detector": [["Cam1", 1, "Aa", "a", "A", "SCIENCE"]],
                    "instrument": [["Cam1", 1024, 1, 512, 4, "x.Y"]],
                ],
            ],
            "artifact_map": .object([
                member: [
                    "info": [
                        "formatter": "lsst.daf.butler.formatters.yaml.YamlFormatter", "path": "a/both.yaml",
                        "storage_class": "StructuredDataDict", "component": nil, "checksum": nil, "file_size": 5,
                    ],
                    "ids": [.string(id)],
                ]
            ]),
        ]
        change(&index)
        return Array("\(index)".utf8)
    }

    static func archive(_ index: [UInt8], _ members: [ZipBuilder.Member]? = nil) -> [UInt8] {
        ZipBuilder.archive(
            [.init(name: RetrievalIndex.fileName, content: index)]
                + (members ?? [.init(name: member, content: Array("a: 1\n".utf8))]))
    }

    static func open(_ bytes: [UInt8]) async throws -> DatasetArchive {
        try await DatasetArchive(ByteSource(name: "a.zip", bytes: bytes), universe: TestData.universe())
    }

    @Test func theIndexTellsWhatIsInside() async throws {
        let archive = try await Self.open(Self.archive(Self.index()))
        #expect(archive.refs.map(\.description).first?.hasPrefix("both@{instrument: 'Cam1', detector: 1}") == true)
        #expect(archive.artifacts.map(\.member) == [Self.member])
        #expect(archive.records?.count == 2)
        #expect(archive.pathInDatastore == "zips/\(archive.fileName.prefix(4))/\(archive.fileName)")
    }

    /// Sets a value deep in the index.
    private static func changed(_ path: [String], _ value: StructuredValue?) -> [UInt8] {
        func set(_ node: StructuredValue, _ path: ArraySlice<String>) -> StructuredValue {
            guard let key = path.first, case .object(var mapping) = node else { return value ?? .null }
            if path.count == 1 {
                mapping[key] = value
            } else {
                mapping[key] = set(mapping[key] ?? .object([:]), path.dropFirst())
            }
            return .object(mapping)
        }
        return archive(index { $0 = set(.object($0), path[...]).objectValue ?? [:] })
    }

    private static let info = ["artifact_map", member, "info"]

    static let hostile: [(String, [UInt8], String)] = [
        ("no index", ZipBuilder.archive([.init(name: "a", content: [])]), "no '_butler_zip_index.json'"),
        ("index that is no JSON", archive(Array("{".utf8)), "no JSON"),
        ("index that is a list", archive(Array("[]".utf8)), "must be a mapping"),
        ("index of another version", changed(["index_version"], "V2"), "V2"),
        ("refs of another version", changed(["refs", "container_version"], "V9"), "V9"),
        ("another universe", changed(["refs", "universe_namespace"], "other"), "'other'"),
        ("no universe version", changed(["refs", "universe_version"], nil), "universe_version"),
        ("unknown dataset type", changed(["refs", "compact_refs", id, "dataset_type_name"], "x"), "'x'"),
        ("unknown dimension", changed(["refs", "dataset_types", "both", "dimensions"], ["nope"]), "nope"),
        ("data ID without detector", changed(["refs", "compact_refs", id, "data_id"], ["instrument": "C"]), "detector"),
        ("identifier of words", changed(["refs", "compact_refs", "words"], ["run": "r"]), "no UUID"),
        ("run that is a number", changed(["refs", "compact_refs", id, "run"], 5), "must be a string"),
        ("member that is not there", changed(["artifact_map", "other"], nil), ""),
        ("dataset without a file", changed(["artifact_map"], [:]), "no file"),
        ("file without a dataset", changed(["artifact_map", member, "ids"], []), "names no dataset"),
        ("file of an unknown dataset", changed(["artifact_map", member, "ids"], [.string("0" + id.dropFirst())]), "no identifier"),
        ("one dataset twice", changed(["artifact_map", member, "ids"], [.string(id), .string(id)]), "another file"),
        ("size that is not", changed(info + ["file_size"], 6), "6 bytes"),
        ("record that is short", changed(["refs", "dimension_records", "detector"], [["Cam1"]]), "6 values"),
        ("record of nothing", changed(["refs", "dimension_records", "nothing"], [[]]), "nothing"),
        ("record without key", changed(["refs", "dimension_records", "instrument"], [[nil, 1, 1, 1, 1, "x"]]), "key"),
        (
            "absolute member", archive(index(), [.init(name: "/etc/passwd", content: [])]), "leads out"
        ),
        ("climbing member", archive(index(), [.init(name: "a/../../b", content: [])]), "leads out"),
        ("climbing to a mark", archive(index(), [.init(name: "../\u{301}b", content: [])]), "leads out"),
        ("backslashes", archive(index(), [.init(name: "a\\b", content: [])]), "leads out"),
        ("fragment in the name", archive(index(), [.init(name: "a#zip-path=b", content: [])]), "leads out"),
        ("folder", archive(index(), [.init(name: "a/", content: [])]), "leads out"),
        (
            "bomb as index",
            ZipBuilder.archive([
                .init(
                    name: RetrievalIndex.fileName, content: [], deflated: ZipArchiveTests.deflated,
                    declaredSize: 200_000_000)
            ]), "too many for 1 members"
        ),
        (
            "index of another size",
            ZipBuilder.archive([
                .init(
                    name: RetrievalIndex.fileName, content: [], deflated: ZipArchiveTests.deflated,
                    declaredSize: 60_000)
            ]), "damaged"
        ),
        (
            "index beyond all measure",
            ZipBuilder.archive([
                .init(name: RetrievalIndex.fileName, content: [], deflated: [0], declaredSize: 4_000_000_000)
            ]), "claims to have"
        ),
    ]

    @Test(arguments: hostile.indices) func aHostileArchiveGivesOneError(_ number: Int) async throws {
        let (name, bytes, complaint) = Self.hostile[number]
        guard !complaint.isEmpty else { return }
        do {
            _ = try await Self.open(bytes)
            Issue.record("\(name) is taken")
        } catch {
            guard case DatastoreError.malformedZip = error else {
                Issue.record("\(name): \(error)")
                return
            }
            #expect("\(error)".contains(complaint), "\(name): \(error)")
        }
    }

    @Test func linksAreRefused() async throws {
        var bytes = Self.archive(Self.index())
        // The external attributes of the last entry of the index: a symbolic link, made by Unix.
        let end = bytes.count - 22
        let entry = end - 46 - Self.member.utf8.count
        bytes[entry + 5] = 3
        bytes[entry + 38 + 3] = 0xA1
        await #expect(throws: DatastoreError.self) { try await Self.open(bytes) }
    }

    @Test func overlappingMembersAreRefused() async throws {
        var bytes = Self.archive(Self.index())
        let entry = bytes.count - 22 - 46 - Self.member.utf8.count
        // The second member claims to begin one byte later, and so to reach into the index of the archive.
        bytes[entry + 42] &+= 1
        do {
            _ = try await Self.open(bytes)
            Issue.record("it is taken")
        } catch { #expect("\(error)".contains("overlaps")) }
    }

    @Test func damagedArchivesAreErrorsOrArchives() async throws {
        let bytes = Self.archive(Self.index())
        for length in stride(from: 0, to: bytes.count, by: 11) {
            await #expect(throws: (any Error).self) { try await Self.open(Array(bytes[..<length])) }
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: damaged.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            do { _ = try await Self.open(damaged) } catch is DatastoreError {} catch {
                Issue.record("another kind of error: \(error)")
            }
        }
    }
}
