import Foundation
import NIOCore
import Testing

@testable import ObjectStorage

/// Short files that are in memory are read without a wait; all others are left to threads that may wait.
@Suite struct CachedFileTests {
    @Test func whatIsNoShortFileIsLeftToOthers() throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.file("long", [UInt8](repeating: 7, count: 1001))
        let pipe = scratch.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in [file, scratch.path, scratch.path + "/none", scratch.path + "/none/x", pipe, ""] {
            #expect(LocalFileSource.cached(path, upTo: 1000)?.bytes == nil, "\(path)")
        }
    }

    #if os(Linux)
        @Test func aShortFileThatWasJustWrittenIsReadAtOnce() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            for size in [0, 1, 1000, 100_000] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let path = try scratch.file("file\(size)", bytes)
                // Systems that cannot tell leave it to others.
                guard let (source, read) = LocalFileSource.cached(path, upTo: 100_000) else { continue }
                #expect(Array(read.readableBytesView) == bytes)
                try source.checkUnchanged()
                let handle = try #require(FileHandle(forWritingAtPath: path))
                try handle.seekToEnd()
                try handle.write(contentsOf: Data([1]))
                try handle.close()
                #expect(throws: ObjectStorageError.changedWhileReading(path: path)) { try source.checkUnchanged() }
            }
        }
    #endif
}
