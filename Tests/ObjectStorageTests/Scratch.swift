import Foundation
import ObjectStorage

/// A temporary folder; call `remove()` in a `defer`, which also keeps it until the end of the test.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "object-storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

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

/// A small file system in memory; call `unmount()` in a `defer`. Needs the right to mount.
final class MemoryFileSystem {
    let path: String

    init?(_ scratch: Scratch, options: String) {
        path = scratch.path + "/mount"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard Self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) else { return nil }
    }

    func unmount() { _ = Self.run("umount", path) }

    func remountReadOnly() -> Bool { Self.run("mount", "-o", "remount,ro", path) }

    static var isAvailable: Bool {
        guard let scratch = try? Scratch() else { return false }
        defer { scratch.remove() }
        guard let mount = MemoryFileSystem(scratch, options: "size=1m") else { return false }
        mount.unmount()
        return true
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
