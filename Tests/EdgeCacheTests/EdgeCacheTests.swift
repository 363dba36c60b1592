import Foundation
import ObjectStorage
import Synchronization
import Testing

@testable import EdgeCache

@Suite struct EdgeCacheTests {
    /// A distant store that counts what is read, and can be slow or fail.
    private final class Distant: ObjectStore {
        let inner: MemoryObjectStore
        let root: ResourceURI
        let opened = Mutex(0)
        let ranges = Mutex(0)
        let stats = Mutex(0)
        let delay = Mutex(Duration.zero)
        let failsAfter = Mutex(Int.max)

        init() throws {
            root = try ResourceURI("mem://distant/")
            inner = try MemoryObjectStore(root: root)
        }

        func localPath(_ path: ObjectPath) -> String? { nil }

        func stat(_ path: ObjectPath) async throws -> ObjectStatus? {
            stats.withLock { $0 += 1 }
            return try await inner.stat(path)
        }

        func read(_ path: ObjectPath) async throws -> [UInt8] { try await inner.read(path) }

        func read(_ path: ObjectPath, range: Range<Int64>) async throws -> [UInt8] {
            ranges.withLock { $0 += 1 }
            return try await inner.read(path, range: range)
        }

        func chunks(of path: ObjectPath, size: Int) async throws -> AsyncThrowingStream<[UInt8], any Error> {
            opened.withLock { $0 += 1 }
            let source = try await inner.chunks(of: path, size: size)
            let pieces = Mutex<[[UInt8]]>([])
            for try await piece in source { pieces.withLock { $0.append(piece) } }
            let count = Mutex(0)
            return AsyncThrowingStream { [self] in
                let delay = delay.withLock { $0 }
                if delay > .zero { try await Task.sleep(for: delay) }
                let number = count.withLock { number in
                    number += 1
                    return number
                }
                if number > failsAfter.withLock({ $0 }) {
                    throw ObjectStorageError.damaged(path: path.description, checksum: "md5")
                }
                return pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            }
        }

        func chunks(
            of path: ObjectPath, size: Int, tagged etag: String
        ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
            guard try await inner.stat(path)?.etag == etag else {
                throw ObjectStorageError.changedWhileReading(path: path.description)
            }
            return try await chunks(of: path, size: size)
        }

        func write(_ path: ObjectPath, bytes: [UInt8], mode: WriteMode) async throws {
            try await inner.write(path, bytes: bytes, mode: mode)
        }

        func write(
            _ path: ObjectPath, fromLocalFile source: String, transfer: TransferMode, mode: WriteMode
        ) async throws { try await inner.write(path, fromLocalFile: source, transfer: transfer, mode: mode) }

        func delete(_ path: ObjectPath) async throws { try await inner.delete(path) }

        func list(_ prefix: ObjectPath?) async throws -> AsyncThrowingStream<[ObjectEntry], any Error> {
            try await inner.list(prefix)
        }
    }

    private func with(
        size: Int64 = 1 << 30, age: Duration = .seconds(3600), validity: Duration = .zero,
        near: (any ObjectStore)? = nil,
        _ body: (Distant, EdgeCache, _ folder: String, _ again: () throws -> EdgeCache) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "edge-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let distant = try Distant()
        let settings = EdgeCacheSettings(folder: folder, maximumSize: size, maximumAge: age, validity: validity)
        try await body(distant, EdgeCache(distant, settings, near: near), folder) {
            try EdgeCache(distant, settings, near: near)
        }
    }

    private func bytes(_ count: Int, _ seed: Int = 0) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 ^ $0 >> 8) }
    }

    private func whole(_ cache: EdgeCache, _ path: ObjectPath) async throws -> [UInt8]? {
        guard let object = try await cache.open(path) else { return nil }
        return try await object.bytes(0..<object.status.size)
    }

    @Test func objectsAreFetchedOnceAndServedFromTheDisk() async throws {
        try await with { distant, cache, folder, again in
            let path = try ObjectPath("a/b.fits")
            let content = bytes(3_000_000)
            try await distant.write(path, bytes: content, mode: .overwrite)
            #expect(try await whole(cache, path) == content)
            #expect(try await whole(cache, path) == content)
            #expect(distant.opened.withLock { $0 } == 1)
            // Another process finds the copy, once it is on the disk.
            _ = try await copies(in: folder, count: 1)
            let other = try again()
            #expect(try await whole(other, path) == content)
            #expect(distant.opened.withLock { $0 } == 1)
            #expect(other.statistics.hits == 1)
            #expect(try await whole(cache, ObjectPath("none")) == nil)
        }
    }

    @Test func whoAsksForNoBytesFetchesNone() async throws {
        try await with { distant, cache, _, _ in
            let path = try ObjectPath("a")
            try await distant.write(path, bytes: bytes(1000), mode: .overwrite)
            #expect(try await cache.open(path)?.status.size == 1000)
            #expect(distant.opened.withLock { $0 } == 0 && cache.statistics.misses == 0)
            #expect(try await whole(cache, path) == bytes(1000))
            #expect(cache.statistics.misses == 1)
        }
    }

    /// What a crash of the machine leaves: files of the right size with zeros in them.
    @Test func aCopyThatTheDiskHasLostPartsOfIsFetchedAgain() async throws {
        try await with { distant, cache, folder, again in
            let path = try ObjectPath("a")
            let content = bytes(2_000_000)
            try await distant.write(path, bytes: content, mode: .overwrite)
            #expect(try await whole(cache, path) == content)
            let files = try POSIXObjectStore(root: ResourceURI(localPath: folder).asDirectory)
            let name = try await copies(in: folder, count: 1)[0]
            let whole = try await files.read(ObjectPath(name))
            for damaged in [1_000_000..<1_004_096, whole.count - 1..<whole.count] {
                var lost = whole
                for index in damaged { lost[index] = ~lost[index] }
                try await files.write(ObjectPath(name), bytes: lost, mode: .overwrite)
                let other = try again()
                #expect(try await self.whole(other, path) == content)
                #expect(other.statistics.hits == 0 && other.statistics.misses == 1)
                while (try? await files.read(ObjectPath(name))) != whole { try await Task.sleep(for: .milliseconds(5)) }
            }
            let last = try again()
            #expect(try await self.whole(last, path) == content)
            #expect(last.statistics.hits == 1)
        }
    }

    /// An object that is replaced between the question for its version and the reading.
    @Test func anotherVersionIsNotKeptUnderTheNameOfTheFirst() async throws {
        try await with(validity: .seconds(3600)) { distant, cache, folder, _ in
            let path = try ObjectPath("a")
            try await distant.write(path, bytes: bytes(1000, 1), mode: .overwrite)
            let object = try #require(try await cache.open(path))
            try await distant.write(path, bytes: bytes(1000, 2), mode: .overwrite)
            await #expect(throws: ObjectStorageError.self) { try await object.bytes(0..<1000) }
            while cache.statistics.failures == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
            #expect(try await whole(cache, path) == bytes(1000, 2))
        }
    }

    @Test func manyReadersOfOneObjectShareAFetchAndAreServedMeanwhile() async throws {
        try await with { distant, cache, _, _ in
            let path = try ObjectPath("shared")
            let content = bytes(8 << 20)
            try await distant.write(path, bytes: content, mode: .overwrite)
            distant.delay.withLock { $0 = .milliseconds(30) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for reader in 0..<20 {
                    group.addTask {
                        let object = try #require(try await cache.open(path))
                        let start = Int64(reader) * 300_000
                        #expect(
                            try await object.bytes(start..<start + 1000)
                                == Array(content[Int(start)..<Int(start) + 1000]))
                        #expect(try await object.bytes(0..<object.status.size) == content)
                    }
                }
                try await group.waitForAll()
            }
            #expect(distant.opened.withLock { $0 } == 1)
            #expect(cache.statistics.misses == 1 && cache.statistics.joined == 19)
        }
    }

    @Test func rangesFarBehindAFetchAreReadFromAfar() async throws {
        try await with { distant, cache, _, _ in
            let path = try ObjectPath("long")
            let content = bytes(20 << 20)
            try await distant.write(path, bytes: content, mode: .overwrite)
            distant.delay.withLock { $0 = .milliseconds(20) }
            let object = try #require(try await cache.open(path))
            let end = Int64(content.count)
            #expect(try await object.bytes(end - 10..<end) == Array(content.suffix(10)))
            #expect(distant.ranges.withLock { $0 } == 1)
            #expect(try await object.bytes(0..<end) == content)
        }
    }

    @Test func aNewVersionIsServedAfterTheOldOne() async throws {
        try await with { distant, cache, _, _ in
            let path = try ObjectPath("changing")
            for version in 0..<3 {
                let content = bytes(100_000, version)
                try await distant.write(path, bytes: content, mode: .overwrite)
                #expect(try await whole(cache, path) == content)
            }
            try await distant.delete(path)
            #expect(try await whole(cache, path) == nil)
        }
    }

    @Test func whatIsDamagedOnItsWayIsNotKept() async throws {
        try await with { distant, cache, folder, _ in
            let path = try ObjectPath("damaged")
            let content = bytes(3 << 20)
            try await distant.write(path, bytes: content, mode: .overwrite)
            distant.failsAfter.withLock { $0 = 2 }
            // The reader is served from afar.
            #expect(try await whole(cache, path) == content)
            while cache.statistics.failures == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
            distant.failsAfter.withLock { $0 = .max }
            #expect(try await whole(cache, path) == content)
        }
    }

    @Test func theLeastRecentlyUsedGoWhenThereIsTooMuch() async throws {
        try await with(size: 350_000) { distant, cache, folder, _ in
            for number in 0..<6 {
                let path = try ObjectPath("n\(number)")
                try await distant.write(path, bytes: bytes(100_000, number), mode: .overwrite)
                #expect(try await whole(cache, path) == bytes(100_000, number))
                try await Task.sleep(for: .milliseconds(20))
                if number > 0 { _ = try await whole(cache, ObjectPath("n0")) }
            }
            while try FileManager.default.contentsOfDirectory(atPath: folder).count > 3 {
                try await Task.sleep(for: .milliseconds(10))
            }
            let before = distant.opened.withLock { $0 }
            _ = try await whole(cache, ObjectPath("n0"))
            #expect(distant.opened.withLock { $0 } == before)
            #expect(cache.statistics.evicted >= 3)
        }
    }

    /// The names of the copies in a folder. Waits until they are there.
    private func copies(in folder: String, count: Int) async throws -> [String] {
        let files = try POSIXObjectStore(root: ResourceURI(localPath: folder).asDirectory)
        while true {
            let names = try await names(files, count: count)
            if names.allSatisfy({ $0.hasSuffix(".copy") }) { return names }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until nothing is on its way.
    private func names(_ store: any ObjectStore, count: Int) async throws -> [String] {
        while true {
            var names: [String] = []
            for try await page in try await store.list(nil) { names += page.map(\.path.description) }
            if names.count == count { return names.sorted() }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func copiesThatNobodyHasUsedForTooLongGo() async throws {
        try await with { distant, cache, folder, _ in
            let paths = try (0..<3).map { try ObjectPath("n\($0)") }
            for (number, path) in paths.enumerated() {
                try await distant.write(path, bytes: bytes(1000, number), mode: .overwrite)
                #expect(try await whole(cache, path) == bytes(1000, number))
            }
            for name in try await copies(in: folder, count: 3) {
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSinceNow: -3700)], ofItemAtPath: folder + "/" + name)
            }
            // A use makes it young again.
            #expect(try await whole(cache, paths[1]) == bytes(1000, 1))
            try await cache.tidy()
            _ = try await copies(in: folder, count: 1)
            #expect(cache.statistics.evicted == 2 && cache.statistics.keptBytes == 1000)
            let before = distant.opened.withLock { $0 }
            #expect(try await whole(cache, paths[1]) == bytes(1000, 1))
            #expect(distant.opened.withLock { $0 } == before)
            #expect(try await whole(cache, paths[0]) == bytes(1000, 0))
            #expect(distant.opened.withLock { $0 } == before + 1)
        }
    }

    @Test func theLastCopyGrowsOldToo() async throws {
        let near = try MemoryObjectStore(root: ResourceURI("mem://near/"))
        try await with(age: .milliseconds(100), near: near) { distant, cache, _, again in
            let path = try ObjectPath("old")
            try await distant.write(path, bytes: [1, 2, 3], mode: .overwrite)
            #expect(try await whole(cache, path) == [1, 2, 3])
            _ = try await names(near, count: 1)
            try await Task.sleep(for: .milliseconds(150))
            // A process that begins knows no uses: the copy's own time counts.
            let other = try again()
            try await other.tidy()
            #expect(try await names(near, count: 0) == [])
            #expect(other.statistics.evicted == 1)
        }
    }

    @Test func copiesInANearbyStoreOutliveTheProcess() async throws {
        let near = try MemoryObjectStore(root: ResourceURI("mem://near/"))
        try await with(near: near) { distant, cache, folder, again in
            let paths = try (0..<3).map { try ObjectPath("n\($0)") }
            for (number, path) in paths.enumerated() {
                try await distant.write(path, bytes: bytes(200_000, number), mode: .overwrite)
                #expect(try await whole(cache, path) == bytes(200_000, number))
            }
            let kept = try await names(near, count: 3)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
            // One is cut short while no process looks, one has other bytes, and one of the objects is replaced.
            try await near.write(ObjectPath(kept[0]), bytes: bytes(100_000), mode: .overwrite)
            try await near.write(ObjectPath(kept[1]), bytes: bytes(200_000, 9), mode: .overwrite)
            let other = try again()
            for (number, path) in paths.enumerated() {
                #expect(try await whole(other, path) == bytes(200_000, number))
            }
            #expect(other.statistics.hits == 1 && other.statistics.misses == 2)
            #expect(distant.opened.withLock { $0 } == 5)
            #expect(try await names(near, count: 3) == kept)
            try await distant.write(paths[0], bytes: bytes(200_000, 7), mode: .overwrite)
            let third = try again()
            #expect(try await whole(third, paths[0]) == bytes(200_000, 7))
            #expect(try await whole(third, paths[1]) == bytes(200_000, 1))
            #expect(third.statistics.hits == 1 && third.statistics.misses == 1)
            // The copies of the version before are looked through like all others, when the new one is there, too.
            _ = try await names(near, count: 4)
            try await third.tidy()
            #expect(third.statistics.keptBytes == 800_000)
        }
    }

    @Test func theDistantStoreIsNotAskedAgainAtOnce() async throws {
        try await with(validity: .seconds(3600)) { distant, cache, _, _ in
            let path = try ObjectPath("asked")
            try await distant.write(path, bytes: [1, 2, 3], mode: .overwrite)
            for _ in 0..<10 { #expect(try await whole(cache, path) == [1, 2, 3]) }
            #expect(distant.stats.withLock { $0 } == 1)
        }
    }
}
