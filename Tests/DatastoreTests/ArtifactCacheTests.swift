import ButlerModel
import Foundation
import ObjectStorage
import RepositoryConfiguration
import StructuredData
import Synchronization
import Testing

@testable import Datastore

@Suite struct ArtifactCacheTests {
    static func id(_ number: UInt64) -> DatasetID { DatasetID(high: 7, low: number) }

    private func cache(_ expiry: CacheConfiguration.Expiry, in directory: TemporaryDirectory) throws -> ArtifactCache {
        try ArtifactCache(
            CacheConfiguration(
                directory: ConfigurationLocation(
                    directory.path + "/cache", environment: ConfigurationEnvironment(variables: [:])),
                expiry: expiry, cacheable: LookupTable(entries: []), fallback: true))
    }

    /// Copies with distinct times of last use, oldest first.
    private func fill(_ cache: ArtifactCache, _ count: UInt64, size: Int = 10, components: [String?] = [nil]) throws {
        for number in 0..<count {
            for component in components {
                try cache.insert(
                    [UInt8](repeating: UInt8(number), count: size), Self.id(number), component: component,
                    pathExtension: ".yaml")
                usleep(5000)
            }
        }
    }

    private func numbers(_ cache: ArtifactCache) throws -> [UInt64] {
        Set(try cache.entries().map(\.id.low)).sorted()
    }

    // MARK: Copies

    @Test func aCopyIsFoundByDatasetComponentAndExtension() throws {
        let directory = try TemporaryDirectory()
        let cache = try cache(.never, in: directory)
        #expect(try cache.read(Self.id(1), component: nil, pathExtension: ".fits.gz") == nil)
        try cache.insert([1, 2], Self.id(1), component: nil, pathExtension: ".fits.gz")
        try cache.insert([3], Self.id(1), component: "wcs", pathExtension: ".fits.gz")
        #expect(try cache.read(Self.id(1), component: nil, pathExtension: ".fits.gz") == [1, 2])
        #expect(try cache.read(Self.id(1), component: "wcs", pathExtension: ".fits.gz") == [3])
        #expect(try cache.read(Self.id(1), component: nil, pathExtension: ".yaml") == nil)
        #expect(
            directory.files() == [
                "cache/00000000-0000-0007-0000-000000000001.fits.gz",
                "cache/00000000-0000-0007-0000-000000000001_wcs.fits.gz",
            ])
        try cache.remove([Self.id(1), Self.id(2)])
        #expect(directory.files().isEmpty)
    }

    @Test func withoutADirectoryATemporaryOneComesAndGoes() throws {
        func folders() throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: NSTemporaryDirectory()))
        }
        var cache: ArtifactCache? = try ArtifactCache(
            CacheConfiguration(directory: nil, expiry: .never, cacheable: LookupTable(entries: []), fallback: true))
        let path = try #require(
            try {
                try cache?.insert([1], Self.id(1), component: nil, pathExtension: ".x")
                let made = try folders().filter { $0.hasPrefix("butler-cache-dir-") }
                let name = ArtifactCache.name(Self.id(1), nil, ".x")
                return made.map { NSTemporaryDirectory() + $0 }
                    .first { FileManager.default.fileExists(atPath: $0 + "/" + name) }
            }())
        #expect(try cache?.read(Self.id(1), component: nil, pathExtension: ".x") == [1])
        cache = nil
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    // MARK: Expiry

    @Test func oldCopiesMakeRoomByNumberOfFilesOrDatasets() throws {
        let directory = try TemporaryDirectory()
        let files = try cache(.files(3), in: directory)
        try fill(files, 6, components: [nil])
        // Room is made before a copy comes, so there may be one more.
        #expect(try numbers(files) == [2, 3, 4, 5])
        try files.expire()
        #expect(try numbers(files) == [3, 4, 5])

        let other = try TemporaryDirectory()
        let datasets = try cache(.datasets(2), in: other)
        try fill(datasets, 4, components: ["a", "b"])
        try datasets.expire()
        #expect(try numbers(datasets) == [2, 3])
        #expect(try datasets.entries().count == 4)
    }

    @Test func oldCopiesMakeRoomBySizeAndAge() throws {
        let directory = try TemporaryDirectory()
        let bounded = try cache(.size(25), in: directory)
        try fill(bounded, 4)
        try bounded.expire()
        #expect(try numbers(bounded) == [2, 3])
        // Nothing is older than a minute; everything is older than no time at all.
        try cache(.age(60), in: directory).expire()
        #expect(try numbers(bounded) == [2, 3])
        try cache(.age(0), in: directory).expire()
        #expect(try numbers(bounded) == [])
    }

    @Test func aReadCountsAsUse() throws {
        let directory = try TemporaryDirectory()
        let cache = try cache(.files(2), in: directory)
        try fill(cache, 2)
        // Times of files have the grain of the system's clock ticks.
        usleep(30_000)
        _ = try cache.read(Self.id(0), component: nil, pathExtension: ".yaml")
        usleep(30_000)
        try cache.insert([9], Self.id(9), component: nil, pathExtension: ".yaml")
        try cache.expire()
        #expect(try numbers(cache) == [0, 9])
    }

    @Test func filesOfOthersAreLeftAlone() throws {
        let directory = try TemporaryDirectory()
        let cache = try cache(.files(0), in: directory)
        try directory.write("notes", to: "cache/README.txt")
        try directory.write("in use by Python", to: "cache/exempt/1234-x.yaml")
        try fill(cache, 2)
        try cache.expire()
        #expect(directory.files() == ["cache/README.txt", "cache/exempt/1234-x.yaml"])
    }

    @Test func manyTasksShareOneDirectory() async throws {
        let directory = try TemporaryDirectory()
        let caches = try (0..<4).map { _ in try cache(.files(5), in: directory) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, cache) in caches.enumerated() {
                group.addTask {
                    for round in 0..<50 {
                        let number = UInt64((round * 7 + index) % 11)
                        let content = [UInt8](repeating: UInt8(number), count: 100 + Int(number))
                        if let found = try cache.read(Self.id(number), component: nil, pathExtension: ".x") {
                            // Never a part of a copy, never another's.
                            #expect(found == content)
                        } else {
                            try cache.insert(content, Self.id(number), component: nil, pathExtension: ".x")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        try caches[0].expire()
        #expect(try caches[0].entries().count <= 5)
        #expect(!directory.files().contains { $0.contains("exempt") })
    }

    // MARK: In a datastore

    /// A root on another machine, in memory.
    private final class FakeRemote: ObjectStore {
        let root: ResourceURI
        let reads = Mutex(0)
        private let objects = Mutex<[String: [UInt8]]>([:])

        init() throws { root = try ResourceURI("s3://bucket/root/") }

        func place(_ path: String, _ text: String?) {
            objects.withLock { $0[path] = text.map { Array($0.utf8) } }
        }

        func stat(_ path: ObjectPath) async throws -> ObjectStatus? {
            objects.withLock { $0[path.description] }
                .map { ObjectStatus(size: Int64($0.count), modificationTime: 0, etag: "") }
        }

        func read(_ path: ObjectPath) async throws -> [UInt8] {
            reads.withLock { $0 += 1 }
            guard let bytes = objects.withLock({ $0[path.description] }) else {
                throw ObjectStorageError.notFound(path: path.description)
            }
            return bytes
        }

        func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
            Array(try await read(path)[Int(range.lowerBound)..<Int(range.upperBound)])
        }

        func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
            let bytes = try await read(path)
            return AsyncThrowingStream { continuation in
                continuation.yield(bytes)
                continuation.finish()
            }
        }

        private var readOnly: ObjectStorageError { .permissionDenied(path: root.description, operation: "write") }

        func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws { throw readOnly }

        func write(
            _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
        ) async throws { throw readOnly }

        func delete(_ path: ObjectPath) async throws { throw readOnly }

        func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
            AsyncThrowingStream { $0.finish() }
        }

        func localPath(_ path: ObjectPath) -> String? { nil }
    }

    private func datastore(
        _ remote: FakeRemote, cached: String, variables: [String: String] = [:]
    ) async throws -> FileDatastore {
        let yaml = """
            root: /nowhere
            datastore:
              cls: lsst.daf.butler.datastores.fileDatastore.FileDatastore
              root: s3://bucket/root
              cached: \(cached)
            """
        guard case .object(let values) = try StructuredValue(yaml: yaml) else {
            throw ConfigurationError.missingKey(location: "test", key: "datastore")
        }
        let configuration = try await ButlerConfiguration.make(
            from: ConfigurationDocument(values: values),
            environment: ConfigurationEnvironment(variables: variables, currentDirectory: "/"))
        guard case .direct(let direct) = configuration, case .file(let file) = try direct.datastore() else {
            throw ConfigurationError.missingKey(location: "test", key: "cls")
        }
        return try FileDatastore(
            file, universe: try TestData.universe(), storageClasses: try direct.storageClasses(), remote: remote)
    }

    private func info(_ size: Int64) -> StoredFileInfo {
        StoredFileInfo(
            formatter: FormatterName.yaml, path: "u/r/d.yaml", storageClass: "StructuredDataDict", fileSize: size)
    }

    @Test func aRemoteFileIsFetchedOnceAndServedFromTheCache() async throws {
        let (remote, directory) = (try FakeRemote(), try TemporaryDirectory())
        remote.place("u/r/d.yaml", "a: 1\n")
        let datastore = try await datastore(
            remote, cached: "{root: '\(directory.path)/cache', expiry: {mode: datasets, threshold: 3}}")
        let ref = try FileDatastoreTests.detectorRef()
        let stored = StoredDataset(id: ref.id, datastore: datastore, infos: [info(5)])
        #expect(try await stored.exists())
        for _ in 0..<3 { #expect(try await stored.read(ref, ReadRequest()).structured == ["a": 1]) }
        #expect(remote.reads.withLock { $0 } == 1)
        #expect(directory.files() == ["cache/\(ref.id).yaml"])
        // Even when it is gone.
        remote.place("u/r/d.yaml", nil)
        #expect(try await stored.read(ref, ReadRequest()).structured == ["a": 1])
        try datastore.cache?.remove([ref.id])
        await #expect(throws: DatastoreError.self) { try await stored.read(ref, ReadRequest()) }
    }

    @Test func whatIsNotCacheableOrDamagedIsNotKept() async throws {
        let (remote, directory) = (try FakeRemote(), try TemporaryDirectory())
        remote.place("u/r/d.yaml", "a: 1\n")
        let cached = "{root: '\(directory.path)/cache', default: true, cacheable: {StructuredDataDict: false}}"
        let ref = try FileDatastoreTests.detectorRef()
        let choosy = StoredDataset(id: ref.id, datastore: try await datastore(remote, cached: cached), infos: [info(5)])
        for _ in 0..<2 { _ = try await choosy.read(ref, ReadRequest()) }
        #expect(remote.reads.withLock { $0 } == 2 && directory.files().isEmpty)
        let short = StoredDataset(
            id: ref.id, datastore: try await datastore(remote, cached: "{root: '\(directory.path)/cache'}"),
            infos: [info(6)])
        await #expect(throws: DatastoreError.self) { try await short.read(ref, ReadRequest()) }
        #expect(directory.files().isEmpty)
    }

    @Test func theEnvironmentDecidesOverTheConfiguration() async throws {
        let (remote, directory) = (try FakeRemote(), try TemporaryDirectory())
        remote.place("u/r/d.yaml", "a: 1\n")
        let ref = try FileDatastoreTests.detectorRef()
        for (variables, files) in [
            (["DAF_BUTLER_CACHE_EXPIRATION_MODE": "disabled", "DAF_BUTLER_CACHE_DIRECTORY": directory.path], 0),
            (["DAF_BUTLER_CACHE_DIRECTORY_IF_UNSET": directory.path + "/if-unset"], 1),
            (["DAF_BUTLER_CACHE_DIRECTORY": directory.path + "/set"], 2),
        ] {
            let datastore = try await datastore(remote, cached: "{root: null}", variables: variables)
            let stored = StoredDataset(id: ref.id, datastore: datastore, infos: [info(5)])
            _ = try await stored.read(ref, ReadRequest())
            #expect(directory.files().count == files)
        }
    }
}
