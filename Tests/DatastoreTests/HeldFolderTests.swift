import Foundation
import ObjectStorage
import Testing

@testable import Datastore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Folders that are held open while files in them are worked on.
struct HeldFolderTests {
    private let root: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("held-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        root = try JournalFiles.resolved(folder.path)
    }

    private func write(_ name: String, _ text: String) throws -> String {
        let path = root + "/" + name
        try JournalFiles.makeFolder(JournalFiles.folder(of: path))
        try LocalFile.create(path, Array(text.utf8))
        return path
    }

    private func remove() { try? FileManager.default.removeItem(atPath: root) }

    /// A name may begin with what combines with the slash before it.
    @Test(arguments: ["\u{301}abc", "\u{200D}abc", "\u{FE0F}", "abc", "a\u{301}"])
    func namesAreToldByTheirBytes(name: String) throws {
        defer { remove() }
        let file = try write("source/" + name, "right")
        _ = try write("source/\u{301}/abc", "wrong")
        _ = try write("plain/other", "other")
        let folder = try #require(HeldFolder(of: file))
        #expect(folder.path == root + "/source")
        #expect(folder.holds(file))
        #expect(!folder.holds(root + "/source/\u{301}/abc"))
        #expect(FileIdentity(of: file, in: folder) == FileIdentity(of: file))
        let target = root + "/plain/" + name
        #expect(try LocalFile.hardLink(file, folder, at: target, try #require(HeldFolder(of: target))))
        #expect(try LocalFile.read(target) == Array("right".utf8))
        let resolving = ResolvedFolder()
        _ = try resolving.located(root + "/plain/other")
        #expect(try resolving.located(target).resolved == target)
    }

    /// Behind a link, too, where the folder of the file before is known.
    @Test func linksToFoldersAreResolved() throws {
        defer { remove() }
        let file = try write("real/\u{301}abc", "right")
        _ = try write("real/plain", "plain")
        #expect(symlink(root + "/real", root + "/link") == 0)
        let resolving = ResolvedFolder()
        #expect(try resolving.located(root + "/link/plain").resolved == root + "/real/plain")
        #expect(try resolving.located(root + "/link/\u{301}abc").resolved == file)
    }

    @Test(arguments: ["folder/", "folder/.", "folder/..", "folder/below/file", "other/file", "folder"])
    func otherPathsAreNotOfTheFolder(path: String) throws {
        defer { remove() }
        let folder = try #require(HeldFolder(of: try write("folder/file", "")))
        #expect(!folder.holds(root + "/" + path))
    }

    @Test func aFolderThatIsMovedIsNotInPlace() throws {
        defer { remove() }
        let folder = try #require(HeldFolder(of: try write("folder/file", "")))
        #expect(folder.isInPlace)
        #expect(rename(root + "/folder", root + "/away") == 0)
        #expect(!folder.isInPlace)
        _ = try write("folder/file", "another")
        #expect(!folder.isInPlace)
    }

    /// No other could open what had one.
    @Test func namesBeyondWhatTheSystemTakesAreRefused() throws {
        defer { remove() }
        let deep = String(repeating: "/" + String(repeating: "d", count: 200), count: 30)
        let start = String(deep.prefix(Int(PATH_MAX) - root.utf8.count - 60))
        let folder = try #require(HeldFolder(of: try write(String(start.dropFirst()) + "/a", "")))
        let name = folder.path + "/" + String(repeating: "n", count: 100)
        #expect(throws: ObjectStorageError.self) {
            _ = try LocalFile.hardLink(folder.path + "/a", folder, at: name, folder)
        }
    }

    @Test func aFolderThatIsGoneCannotBeFlushed() throws {
        defer { remove() }
        let flushes = FolderFlushes()
        try flushes.add(root)
        try flushes.add(root + "/gone")
        #expect(throws: ObjectStorageError.self) { try flushes.flush() }
        try flushes.flush()
    }
}
