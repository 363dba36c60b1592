import Foundation
import ObjectStorage
import Testing

@Suite struct POSIXObjectStoreTests {
    @Test func behavesAsAnObjectStore() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await ObjectStoreBehaviour(store: scratch.store(synchronizing: false)).checkAll()
        #expect(scratch.names().allSatisfy { !$0.contains(".partial") })
    }

    @Test func locationsAreQuotedAndLocalPathsAreNot() throws {
        let store = try POSIXObjectStore(root: ResourceURI("/data/my repo"))
        let path = try ObjectPath("a#b/c d.fits")
        #expect(store.root.description == "file:///data/my%20repo/")
        #expect(store.localPath(path) == "/data/my repo/a#b/c d.fits")
        #expect(try store.uri(path).description == "file:///data/my%20repo/a%23b/c%20d.fits")
        #expect(throws: ObjectStorageError.self) { try POSIXObjectStore(root: ResourceURI("s3://bucket/x")) }
    }

    @Test func storeOfTheWholeFileSystemReadsFilesIngestedInPlace() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.file("direct.txt", [4, 2])
        let store = try POSIXObjectStore(root: ResourceURI("file:///"))
        #expect(try await store.read(ObjectPath(String(file.dropFirst()))) == [4, 2])
    }

    @Test func foldersAndDevicesAreNotObjects() async throws {
        let store = try POSIXObjectStore(root: ResourceURI("/dev"))
        #expect(try await store.stat(ObjectPath("null")) == nil)
        await expectError({ if case .notAFile = $0 { true } else { false } }) {
            _ = try await store.read(ObjectPath("null"))
        }
    }

    @Test func aFileInThePlaceOfAFolderIsReported() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        try await store.write(ObjectPath("a"), bytes: [1], mode: .createOnly)
        await expectError({ if case .notAFile = $0 { true } else { false } }) {
            try await store.write(ObjectPath("a/b"), bytes: [1], mode: .createOnly)
        }
        try await store.write(ObjectPath("d/b"), bytes: [1], mode: .createOnly)
        for mode in [WriteMode.createOnly, .overwrite] {
            await #expect(throws: ObjectStorageError.self) {
                try await store.write(ObjectPath("d"), bytes: [1], mode: mode)
            }
        }
        #expect(scratch.names() == ["a", "d", "d/b"])
    }

    @Test(.enabled(if: MemoryFileSystem.isAvailable, "needs the right to mount tmpfs"))
    func fullDiskIsReportedAndLeavesNothing() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let mount = try #require(MemoryFileSystem(scratch, options: "size=256k"))
        defer { mount.unmount() }
        let store = try POSIXObjectStore(root: ResourceURI(localPath: mount.path))
        try await store.write(ObjectPath("x"), bytes: [1], mode: .overwrite)
        await expectError({ if case .noSpace = $0 { true } else { false } }) {
            try await store.write(ObjectPath("x"), bytes: pattern(1_000_000), mode: .overwrite)
        }
        let source = try scratch.file("big", pattern(1_000_000))
        for transfer in [TransferMode.copy, .move] {
            await expectError({ if case .noSpace = $0 { true } else { false } }) {
                try await store.write(ObjectPath("y"), fromLocalFile: source, transfer: transfer, mode: .createOnly)
            }
        }
        #expect(try await store.read(ObjectPath("x")) == [1])
        #expect(scratch.names("mount") == ["x"])
        #expect(FileManager.default.fileExists(atPath: source))
    }

    @Test(.enabled(if: MemoryFileSystem.isAvailable, "needs the right to mount tmpfs"))
    func readOnlyFileSystemIsReported() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let mount = try #require(MemoryFileSystem(scratch, options: "size=256k"))
        defer { mount.unmount() }
        let store = try POSIXObjectStore(root: ResourceURI(localPath: mount.path))
        try await store.write(ObjectPath("x"), bytes: [1], mode: .overwrite)
        #expect(mount.remountReadOnly())
        let isReadOnly: (ObjectStorageError) -> Bool = { if case .readOnlyFileSystem = $0 { true } else { false } }
        await expectError(isReadOnly) { try await store.write(ObjectPath("x"), bytes: [2], mode: .overwrite) }
        await expectError(isReadOnly) { try await store.write(ObjectPath("d/y"), bytes: [2], mode: .createOnly) }
        await expectError(isReadOnly) { try await store.delete(ObjectPath("x")) }
        #expect(try await store.read(ObjectPath("x")) == [1])
    }

    @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
    func missingPermissionIsReported() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        try await store.write(ObjectPath("d/x"), bytes: [1], mode: .overwrite)
        chmod(scratch.path + "/root/d", 0o555)
        chmod(scratch.path + "/root/d/x", 0o000)
        defer { chmod(scratch.path + "/root/d", 0o755) }
        let isDenied: (ObjectStorageError) -> Bool = { if case .permissionDenied = $0 { true } else { false } }
        await expectError(isDenied) { _ = try await store.read(ObjectPath("d/x")) }
        await expectError(isDenied) { try await store.write(ObjectPath("d/y"), bytes: [1], mode: .overwrite) }
        await expectError(isDenied) { try await store.delete(ObjectPath("d/x")) }
    }

    @Test func tooLongNamesAreReported() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        for name in [String(repeating: "n", count: 300), String(repeating: "d", count: 300) + "/x"] {
            await expectError({ if case .nameTooLong = $0 { true } else { false } }) {
                try await store.write(ObjectPath(name), bytes: [1], mode: .createOnly)
            }
        }
    }

    @Test func abandonedTemporariesAreHiddenAndDeletedByAge() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        try await store.write(ObjectPath("d/x"), bytes: [1], mode: .overwrite)
        _ = try scratch.file("root/d/.steward-0123456789abcdef.partial", [9])
        var listed: [String] = []
        for try await page in try await store.list(nil) { listed += page.map(\.path.description) }
        #expect(listed == ["d/x"])
        #expect(try await store.removeAbandonedWrites(olderThan: .seconds(3600)) == 0)
        #expect(try await store.removeAbandonedWrites(olderThan: .zero) == 1)
        #expect(scratch.names() == ["d", "d/x"])
    }

    @Test func cyclesOfFolderLinksDoNotTrapAListing() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let store = try scratch.store()
        try await store.write(ObjectPath("d/x"), bytes: [1], mode: .overwrite)
        #expect(symlink("..", scratch.path + "/root/d/up") == 0)
        #expect(symlink("nowhere", scratch.path + "/root/dangling") == 0)
        var listed: [String] = []
        for try await page in try await store.list(nil) { listed += page.map(\.path.description) }
        #expect(listed == ["d/x"])
    }

    @Test func cancelledTasksDoNotStartTheirWork() async throws {
        let pool = BlockingPool(label: "test", width: 1)
        let gate = DispatchSemaphore(value: 0)
        let started = DispatchSemaphore(value: 0)
        let blocker = Task {
            try await pool.run {
                started.signal()
                gate.wait()
            }
        }
        #expect(await Task.detached { waitFor(started) }.value)
        let waiting = Task { try await pool.run { Issue.record("ran although cancelled") } }
        waiting.cancel()
        gate.signal()
        try await blocker.value
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func poolRunsNoMoreJobsThanItsWidth() async throws {
        let pool = BlockingPool(label: "test", width: 3)
        let counter = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    try await pool.run {
                        counter.enter()
                        usleep(500)
                        counter.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counter.highest <= 3 && counter.highest > 0)
        #expect(counter.total == 60)
    }
}

/// Waits up to ten seconds. Semaphores cannot be awaited in asynchronous functions directly.
private func waitFor(_ semaphore: DispatchSemaphore) -> Bool { semaphore.wait(timeout: .now() + 10) == .success }

private final class Counter: @unchecked Sendable {
    // Every access holds the lock.
    private let lock = NSLock()
    private var present = 0
    private(set) var highest = 0
    private(set) var total = 0

    func enter() {
        lock.withLock {
            present += 1
            total += 1
            highest = max(highest, present)
        }
    }

    func leave() { lock.withLock { present -= 1 } }
}
