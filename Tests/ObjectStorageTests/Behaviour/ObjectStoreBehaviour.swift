import ObjectStorage
import Testing

/// What every backend must do. A backend's test calls `checkAll` with a fresh, empty store.
struct ObjectStoreBehaviour {
    let store: any ObjectStore

    func checkAll() async throws {
        try await writtenBytesAreReadBack()
        try await missingObjectsAreReportedNotInvented()
        try await createOnlyRefusesAnExistingObject()
        try await overwriteReplacesTheWholeObject()
        try await rangesAreCutAtTheEndAndRefusedBehindIt()
        try await chunksJoinToTheObject()
        try await namesWithSpecialCharactersAreKept()
        try await listingsGiveEveryObjectOnceAndHonourThePrefix()
        try await deletedObjectsAreGoneAndDeletingTwiceIsFine()
        try await exactlyOneOfManyCreatorsWins()
        try await readersNeverSeeAMixtureOfVersions()
        try await statusChangesWithTheContent()
    }

    func writtenBytesAreReadBack() async throws {
        for (name, bytes) in [("empty", []), ("a/b/c.bin", Array(0...255)), ("big", pattern(3_000_001))] {
            let path = try ObjectPath("roundtrip/\(name)")
            try await store.write(path, bytes: bytes, mode: .createOnly)
            #expect(try await store.read(path) == bytes)
            #expect(try await store.stat(path)?.size == Int64(bytes.count))
            #expect(try await store.exists(path))
        }
    }

    func missingObjectsAreReportedNotInvented() async throws {
        let path = try ObjectPath("missing/object")
        #expect(try await store.stat(path) == nil)
        #expect(try await !store.exists(path))
        await expectError(isNotFound) { _ = try await store.read(path) }
        await expectError(isNotFound) { _ = try await store.read(path, range: 0..<1) }
        await expectError(isNotFound) { _ = try await store.chunks(of: path) }
        try await store.write(ObjectPath("folder/inner"), bytes: [1], mode: .overwrite)
        #expect(try await store.stat(ObjectPath("folder")) == nil)
    }

    func createOnlyRefusesAnExistingObject() async throws {
        let path = try ObjectPath("once.txt")
        try await store.write(path, bytes: [1], mode: .createOnly)
        await expectError(isAlreadyExists) { try await store.write(path, bytes: [2], mode: .createOnly) }
        #expect(try await store.read(path) == [1])
    }

    func overwriteReplacesTheWholeObject() async throws {
        let path = try ObjectPath("twice.txt")
        try await store.write(path, bytes: pattern(1000), mode: .overwrite)
        try await store.write(path, bytes: [7], mode: .overwrite)
        #expect(try await store.read(path) == [7])
    }

    func rangesAreCutAtTheEndAndRefusedBehindIt() async throws {
        let path = try ObjectPath("ranges")
        try await store.write(path, bytes: Array(0..<100), mode: .overwrite)
        #expect(try await store.read(path, range: 0..<100) == Array(0..<100))
        #expect(try await store.read(path, range: 10..<13) == [10, 11, 12])
        #expect(try await store.read(path, range: 99..<100) == [99])
        #expect(try await store.read(path, range: 98..<Int64.max) == [98, 99])
        #expect(try await store.read(path, range: 50..<50) == [])
        #expect(try await store.read(path, range: 100..<101) == [])
        for range in [101..<102, Int64.max - 1..<Int64.max, -1..<3] as [Range<Int64>] {
            await expectError({ if case .invalidRange = $0 { true } else { false } }) {
                _ = try await store.read(path, range: range)
            }
        }
    }

    func chunksJoinToTheObject() async throws {
        let bytes = pattern(10_000)
        let path = try ObjectPath("chunked")
        try await store.write(path, bytes: bytes, mode: .overwrite)
        for size in [1000, 4096, 10_000, 20_000] {
            var joined: [UInt8] = []
            for try await piece in try await store.chunks(of: path, size: size) {
                #expect(!piece.isEmpty && piece.count <= size)
                joined += piece
            }
            #expect(joined == bytes)
        }
        try await store.write(path, bytes: [], mode: .overwrite)
        for try await _ in try await store.chunks(of: path) { Issue.record("an empty object has no pieces") }
    }

    func namesWithSpecialCharactersAreKept() async throws {
        let names = [
            "a b", "a#b", "100%", "a%20b", "ü/λ 中", "q?x=1&y", "semi;colon:at@plus+", "quote'\"", "..hidden",
            "back\\slash",
            "#zip-path=x", "e\u{301}", "\u{e9}",
        ]
        for (index, name) in names.enumerated() {
            try await store.write(ObjectPath("names/\(name)"), bytes: [UInt8(index)], mode: .createOnly)
        }
        for (index, name) in names.enumerated() {
            #expect(try await store.read(ObjectPath("names/\(name)")) == [UInt8(index)], "\(name)")
        }
        let listed = try await paths(in: "names").map(\.description)
        #expect(Set(listed.map { Array($0.utf8) }) == Set(names.map { Array("names/\($0)".utf8) }))
    }

    func listingsGiveEveryObjectOnceAndHonourThePrefix() async throws {
        var expected: Set<ObjectPath> = []
        for index in 0..<1100 {
            let path = try ObjectPath("list/f\(index % 7)/object\(index)")
            expected.insert(path)
            try await store.write(path, bytes: [0], mode: .overwrite)
        }
        try await store.write(ObjectPath("listing"), bytes: [0], mode: .overwrite)
        let listed = try await paths(in: "list")
        #expect(listed.count == expected.count)
        #expect(Set(listed) == expected)
        #expect(try await paths(in: "list/f3").count == 157)
        #expect(try await paths(in: "no such folder").isEmpty)
        var all = 0
        for try await page in try await store.list(nil) { all += page.count }
        #expect(all > expected.count)
    }

    func deletedObjectsAreGoneAndDeletingTwiceIsFine() async throws {
        let path = try ObjectPath("doomed/x")
        try await store.write(path, bytes: [1], mode: .overwrite)
        try await store.delete(path)
        #expect(try await !store.exists(path))
        try await store.delete(path)
    }

    func exactlyOneOfManyCreatorsWins() async throws {
        for round in 0..<20 {
            let path = try ObjectPath("race/\(round)/x")
            let outcomes = await withTaskGroup(of: UInt8?.self) { group in
                for writer in UInt8(0)..<8 {
                    group.addTask {
                        do {
                            try await store.write(path, bytes: [writer], mode: .createOnly)
                            return writer
                        } catch let error as ObjectStorageError {
                            #expect(isAlreadyExists(error))
                            return nil
                        } catch {
                            Issue.record("unexpected \(error)")
                            return nil
                        }
                    }
                }
                return await group.reduce(into: [UInt8?]()) { $0.append($1) }
            }
            let winners = outcomes.compactMap { $0 }
            #expect(winners.count == 1)
            #expect(try await store.read(path) == winners)
            #expect(try await paths(in: "race/\(round)") == [path])
        }
    }

    func readersNeverSeeAMixtureOfVersions() async throws {
        let path = try ObjectPath("versions")
        try await store.write(path, bytes: [UInt8](repeating: 0, count: 50_000), mode: .overwrite)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for version in UInt8(1)...30 {
                    try await store.write(path, bytes: Array(repeating: version, count: 50_000), mode: .overwrite)
                }
            }
            group.addTask {
                for _ in 0..<60 {
                    let bytes = try await store.read(path)
                    #expect(bytes.count == 50_000 && Set(bytes).count == 1)
                }
            }
            try await group.waitForAll()
        }
    }

    func statusChangesWithTheContent() async throws {
        let path = try ObjectPath("tagged")
        try await store.write(path, bytes: [1, 2], mode: .overwrite)
        let first = try #require(try await store.stat(path))
        #expect(first.modificationTime > 1_600_000_000 * 1_000_000_000)
        try await store.write(path, bytes: [3, 4], mode: .overwrite)
        let second = try #require(try await store.stat(path))
        #expect(first.etag != second.etag)
    }

    private func paths(in prefix: String) async throws -> [ObjectPath] {
        var found: [ObjectPath] = []
        for try await page in try await store.list(ObjectPath(prefix)) { found += page.map(\.path) }
        return found
    }
}

func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) } }

func isNotFound(_ error: ObjectStorageError) -> Bool { if case .notFound = error { true } else { false } }
func isAlreadyExists(_ error: ObjectStorageError) -> Bool { if case .alreadyExists = error { true } else { false } }

/// Expects an `ObjectStorageError` that satisfies the condition and reads as one line.
func expectError(
    _ condition: (ObjectStorageError) -> Bool, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
    } catch let error as ObjectStorageError {
        #expect(condition(error), "\(error)", sourceLocation: sourceLocation)
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
    } catch {
        Issue.record("unexpected error \(error)", sourceLocation: sourceLocation)
    }
}
