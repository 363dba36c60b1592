import Foundation
import ObjectStorage

/// A temporary folder that is deleted with the value.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "object-storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func store(_ folder: String = "root", synchronizing: Bool = true) throws -> POSIXObjectStore {
        try POSIXObjectStore(root: ResourceURI(localPath: path + "/" + folder), synchronizing: synchronizing)
    }

    /// Writes a file beside the store and returns its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// All names below a folder, hidden ones too.
    func names(_ folder: String = "root") -> [String] {
        (FileManager.default.enumerator(atPath: path + "/" + folder)?.allObjects as? [String] ?? []).sorted()
    }
}

/// A small file system in memory, mounted for the time of a test. Needs the right to mount.
final class MemoryFileSystem {
    let path: String
    /// Outlives the mount, so that its folder can be deleted.
    private let scratch: Scratch

    init?(_ scratch: Scratch, options: String) {
        self.scratch = scratch
        path = scratch.path + "/mount"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard Self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) else { return nil }
    }

    deinit { _ = Self.run("umount", path) }

    func remountReadOnly() -> Bool { Self.run("mount", "-o", "remount,ro", path) }

    static var isAvailable: Bool {
        guard let scratch = try? Scratch() else { return false }
        return MemoryFileSystem(scratch, options: "size=1m") != nil
    }

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
