import Foundation
import Testing

@testable import ObjectStorage

@Suite struct LocalFileTests {
    #if os(Linux)
        @Test func aFileThatSomebodyWritesIsKnown() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let path = try scratch.file("file", [1, 2, 3])
            let writer = try #require(FileHandle(forWritingAtPath: path))
            // File systems that have no leases tell nothing.
            guard LocalFile.isBeingWritten(path) else { return }
            let reader = try #require(FileHandle(forReadingAtPath: path))
            try writer.close()
            #expect(!LocalFile.isBeingWritten(path))
            try reader.close()
            #expect(!LocalFile.isBeingWritten(scratch.path + "/none"))
        }

        @Test func filesOfTheKernelHaveNoSizeThatCouldBeSent() {
            #expect(throws: ObjectStorageError.self) { try LocalFileSource("/proc/self/environ") }
            #expect(LocalFileSource.cached("/proc/self/environ", upTo: 1000)?.bytes == nil)
        }
    #endif

    @Test func whatIsOpenHasThePathOfTheFileAndNotOfALink() throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = try scratch.file("file", [1])
        let link = scratch.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        let source = try LocalFileSource(link)
        // The name may lead elsewhere now.
        unlink(link)
        #expect(try source.resolvedPath().hasSuffix("/file"))
    }

    @Test func aWalkThatIsLenientPassesBadNeighboursBy() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let folder = scratch.path
        for name in ["a", "c"] { _ = try scratch.file(name, [1]) }
        let bad = Array(folder.utf8) + Array("/b".utf8) + [0xFF, 0]
        let made = bad.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o600) } ?? -1 }
        }
        // Not every file system has such names.
        guard made >= 0 else { return }
        close(made)
        let store = try POSIXObjectStore(root: ResourceURI(localPath: folder))
        let (files, problems) = try await store.accessibleFiles()
        #expect(Set(files.map(\.path.description)) == ["a", "c"])
        #expect(problems.count == 1)
        await #expect(throws: ObjectStorageError.self) {
            for try await _ in try await store.list(nil) {}
        }
    }
}
