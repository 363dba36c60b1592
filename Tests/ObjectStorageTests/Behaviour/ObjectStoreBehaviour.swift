import ObjectStorage
import Testing

/// What every backend must do. A backend's test calls `checkAll` with a fresh, empty store.
struct ObjectStoreBehaviour {
    let store: any ObjectStore
    /// Whether the server knows which of several creators came first.
    var isExclusive = true
    /// Whether objects can be listed.
    var lists = true
    /// Objects of the listing test; fewer for slow servers.
    var listed = 1100
    /// Names that this server cannot keep apart or hides.
    var impossibleNames: Set<String> = []
    /// Whether a reader finds the old or the new object at every moment while one is replaced.
    var replacesAtOnce = true
    /// Whether tags of two versions of one size differ that were written within a second.
    var tagsEveryVersion = true

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
        try await severalRangesAreOfOneObject()
        try await uploadsAppearWhenTheyAreFinished()
        try await uploadsAreTakenUpAgain()
        try await abortedUploadsLeaveNothing()
        try await uploadsKeepToTheirMode()
        try await objectsAreCopiedAndMoved()
        try await manyObjectsAreFoundAndDeleted()
        try await localFilesAreStored()
        try await largeLocalFilesAreStored()
    }

    func severalRangesAreOfOneObject() async throws {
        let path = try ObjectPath("several")
        try await store.write(path, bytes: Array(0..<200), mode: .overwrite)
        let pieces = try await store.read(path, ranges: [190..<300, 0..<2, 5..<5, 50..<53])
        #expect(pieces == [Array(190..<200), [0, 1], [], [50, 51, 52]])
        #expect(try await store.read(path, ranges: []) == [])
        await expectError(isNotFound) { _ = try await store.read(ObjectPath("none"), ranges: [0..<1]) }
    }

    func uploadsAppearWhenTheyAreFinished() async throws {
        for count in [0, 10, 5 << 20, 11_000_001] {
            let bytes = pattern(count)
            let path = try ObjectPath("uploads/\(count)")
            let upload = try await store.upload(path, mode: .createOnly)
            for start in stride(from: 0, to: count, by: 1_500_000) {
                try await upload.append(Array(bytes[start..<min(count, start + 1_500_000)]))
            }
            #expect(try await store.stat(path) == nil)
            let status = try await upload.finish()
            #expect(status.size == Int64(count))
            #expect(try await store.read(path) == bytes)
            // A second end of any kind changes nothing.
            try await upload.abort()
            #expect(try await store.exists(path))
        }
    }

    func uploadsAreTakenUpAgain() async throws {
        let bytes = pattern(13_000_000)
        let path = try ObjectPath("resumed")
        var token: String?
        var stored = 0
        // Each round has a new process, in effect: only the token and what was stored are known.
        for end in [7_000_000, 7_000_001, 13_000_000] {
            let upload = try await store.upload(path, mode: .overwrite, resuming: token)
            #expect(await upload.stored == stored)
            try await upload.append(Array(bytes[stored..<end]))
            (token, stored) = (await upload.token, Int(await upload.stored))
            #expect(stored <= end)
            if end == bytes.count { _ = try await upload.finish() }
        }
        #expect(try await store.read(path) == bytes)
        await expectError(isNotFound) { _ = try await store.upload(path, mode: .overwrite, resuming: "nonsense") }
    }

    func abortedUploadsLeaveNothing() async throws {
        let path = try ObjectPath("aborted/x")
        let upload = try await store.upload(path, mode: .overwrite)
        try await upload.append(pattern(6_000_000))
        let token = await upload.token
        try await upload.abort()
        try await upload.abort()
        #expect(try await store.stat(path) == nil)
        await expectError(isNotFound) { _ = try await store.upload(path, mode: .overwrite, resuming: token) }
        await expectError(isNotFound) { try await upload.append([1]) }
    }

    func uploadsKeepToTheirMode() async throws {
        let path = try ObjectPath("taken")
        let late = try await store.upload(path, mode: .createOnly)
        try await late.append([1])
        try await store.write(path, bytes: [2], mode: .createOnly)
        await expectError(isAlreadyExists) { _ = try await late.finish() }
        try await late.abort()
        await expectError(isAlreadyExists) { _ = try await store.upload(path, mode: .createOnly) }
        #expect(try await store.read(path) == [2])
    }

    func objectsAreCopiedAndMoved() async throws {
        let (source, target) = (try ObjectPath("from/a b+c%.bin"), try ObjectPath("to/d"))
        let bytes = pattern(100_000)
        try await store.write(source, bytes: bytes, mode: .overwrite)
        try await store.copy(source, to: target, mode: .createOnly)
        #expect(try await store.read(target) == bytes)
        await expectError(isAlreadyExists) { try await store.copy(source, to: target, mode: .createOnly) }
        await expectError(isAlreadyExists) { try await store.move(source, to: target, mode: .createOnly) }
        await expectError(isNotFound) { try await store.copy(ObjectPath("none"), to: target, mode: .overwrite) }
        await expectError(isNotFound) { try await store.move(ObjectPath("none"), to: target, mode: .overwrite) }
        #expect(try await store.read(target) == bytes)
        try await store.write(source, bytes: [1, 2], mode: .overwrite)
        try await store.move(source, to: target, mode: .overwrite)
        #expect(try await store.read(target) == [1, 2])
        #expect(try await !store.exists(source))
        try await store.move(target, to: ObjectPath("to/e"), mode: .createOnly)
        #expect(try await store.read(ObjectPath("to/e")) == [1, 2])
        try await store.move(ObjectPath("to/e"), to: ObjectPath("to/e"), mode: .overwrite)
        #expect(try await store.read(ObjectPath("to/e")) == [1, 2])
    }

    func manyObjectsAreFoundAndDeleted() async throws {
        let all = try (0..<listed).map { try ObjectPath("bulk/object \($0) <&>") }
        let present = all.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)
        for path in present { try await store.write(path, bytes: [1], mode: .overwrite) }
        #expect(try await store.existing(all) == Set(present))
        #expect(try await store.delete(all).isEmpty)
        #expect(try await store.existing(all).isEmpty)
        #expect(try await store.delete([]).isEmpty)
    }

    func localFilesAreStored() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = try ObjectPath("local/file")
        let file = try scratch.file("source", pattern(70_000))
        try await store.write(path, fromLocalFile: file, transfer: .copy, mode: .createOnly)
        #expect(try await store.read(path) == pattern(70_000))
        await expectError(isAlreadyExists) {
            try await store.write(path, fromLocalFile: file, transfer: .move, mode: .createOnly)
        }
        let other = try scratch.file("other", [])
        try await store.write(path, fromLocalFile: other, transfer: .move, mode: .overwrite)
        #expect(try await store.read(path) == [])
        #expect(scratch.names("").filter { ["source", "other"].contains($0) } == ["source"])
        await expectError(isNotFound) {
            try await store.write(path, fromLocalFile: scratch.path + "/none", transfer: .copy, mode: .overwrite)
        }
    }

    func largeLocalFilesAreStored() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let bytes = pattern(20_000_003)
        let file = try scratch.file("large", bytes)
        let path = try ObjectPath("local/large")
        try await store.write(path, fromLocalFile: file, transfer: .copy, mode: .createOnly)
        #expect(try await store.stat(path)?.size == 20_000_003)
        #expect(try await store.read(path) == bytes)
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
            "#zip-path=x", "e\u{301}", "\u{e9}", "\u{301}mark", "\u{301}f/\u{301}g",
        ].filter { name in !impossibleNames.contains { $0.utf8.elementsEqual(name.utf8) } }
        for (index, name) in names.enumerated() {
            try await store.write(ObjectPath("names/\(name)"), bytes: [UInt8(index)], mode: .createOnly)
        }
        for (index, name) in names.enumerated() {
            #expect(try await store.read(ObjectPath("names/\(name)")) == [UInt8(index)], "\(name)")
        }
        guard lists else { return }
        let listed = try await paths(in: "names").map(\.description)
        #expect(Set(listed.map { Array($0.utf8) }) == Set(names.map { Array("names/\($0)".utf8) }))
    }

    func listingsGiveEveryObjectOnceAndHonourThePrefix() async throws {
        guard lists else { return }
        var expected: Set<ObjectPath> = []
        for index in 0..<listed {
            let path = try ObjectPath("list/f\(index % 7)/object\(index)")
            expected.insert(path)
            try await store.write(path, bytes: [0], mode: .overwrite)
        }
        try await store.write(ObjectPath("listing"), bytes: [0], mode: .overwrite)
        let found = try await paths(in: "list")
        #expect(found.count == expected.count)
        #expect(Set(found) == expected)
        #expect(
            try await paths(in: "list/f3").count == expected.count(where: { $0.description.hasPrefix("list/f3/") }))
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
        guard isExclusive else { return }
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
            if lists { #expect(try await paths(in: "race/\(round)") == [path]) }
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
                    let bytes: [UInt8]
                    do { bytes = try await store.read(path) } catch ObjectStorageError.notFound where !replacesAtOnce {
                        continue
                    }
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
        if !tagsEveryVersion { try await Task.sleep(for: .milliseconds(1100)) }
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

func pattern(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        var index = 0
        while index < count {
            buffer[index] = UInt8(truncatingIfNeeded: index &* 31 ^ index >> 8)
            index &+= 1
        }
        filled = count
    }
}

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
