import Foundation
import ObjectStorage
import Synchronization

/// Where whole copies are kept, by names that tell one version of one object.
protocol CopyPlace: Sendable {
    /// Whether a whole copy is there; it counts as used.
    func holds(_ name: String, _ status: ObjectStatus) async throws -> Bool

    /// - Throws: `ObjectStorageError.notFound` for a copy that has gone.
    func read(_ name: String, _ range: Range<Int64>) async throws -> [UInt8]

    /// Takes a file of this machine, which is gone then.
    func keep(_ file: String, as name: String) async throws

    func all() async throws -> [KeptCopy]

    func remove(_ name: String) async throws
}

struct KeptCopy {
    let name: String
    /// Bytes.
    let size: Int64
    /// When it was used last, as far as that is known: nanoseconds since 1970.
    let used: Int64
}

/// Copies in a folder of this machine, which many processes may share. The time of a file's last change is that of its
/// last use. Behind the bytes a file has their CRC-32C, so that it is noticed, before a copy of an earlier process is used,
/// when the disk has lost some of it.
struct FolderCopies: CopyPlace {
    static let suffix = ".copy"
    private static let sumLength: Int64 = 4
    private let folder: String
    private let store: POSIXObjectStore
    private let checked = CheckedCopies()

    init(folder: String) throws(ObjectStorageError) {
        self.folder = folder
        store = try POSIXObjectStore(root: ResourceURI(localPath: folder))
    }

    private func path(_ name: String) -> String { folder + "/" + name + Self.suffix }

    func holds(_ name: String, _ status: ObjectStatus) async throws -> Bool {
        let path = path(name)
        let isThere = try await POSIXObjectStore.sharedPool.run {
            var found = stat()
            guard stat(path, &found) == 0 else { return false }
            guard Int64(found.st_size) == status.size + Self.sumLength else {
                unlink(path)
                return false
            }
            utimes(path, nil)
            return true
        }
        guard isThere, !checked.contains(name) else { return isThere }
        let isWhole: Bool
        do {
            let kept = try await read(name, status.size..<status.size + Self.sumLength)
            isWhole = try await sum(path, status.size) == kept
        } catch ObjectStorageError.notFound { return false }
        guard isWhole else {
            try await remove(name)
            return false
        }
        checked.insert(name)
        return true
    }

    /// The checksum of the first bytes of a file, all if there are fewer.
    private func sum(_ file: String, _ size: Int64) async throws -> [UInt8] {
        try await POSIXObjectStore.sharedPool.run {
            guard let input = FileHandle(forReadingAtPath: file), var sum = RunningChecksum(.crc32c) else {
                throw ObjectStorageError.notFound(path: file)
            }
            defer { try? input.close() }
            var rest = size
            while rest > 0, let piece = try input.read(upToCount: Int(min(rest, 1 << 20))), !piece.isEmpty {
                piece.withUnsafeBytes { sum.update($0) }
                rest -= Int64(piece.count)
            }
            return sum.finish()
        }
    }

    func read(_ name: String, _ range: Range<Int64>) async throws -> [UInt8] {
        try await store.read(ObjectPath(name + Self.suffix), range: range)
    }

    func keep(_ file: String, as name: String) async throws {
        let target = path(name)
        let sum = try await sum(file, .max)
        try await POSIXObjectStore.sharedPool.run {
            guard let output = FileHandle(forWritingAtPath: file) else {
                throw ObjectStorageError.notFound(path: file)
            }
            try output.seekToEnd()
            try output.write(contentsOf: sum)
            // A name must not outlive its bytes.
            try output.synchronize()
            try output.close()
            guard rename(file, target) == 0 else {
                throw ObjectStorageError.system(
                    path: target, operation: "write", code: errno, message: String(cString: strerror(errno)))
            }
        }
        checked.insert(name)
    }

    func all() async throws -> [KeptCopy] {
        var copies: [KeptCopy] = []
        for try await page in try await store.list(nil) {
            for entry in page where entry.path.description.hasSuffix(Self.suffix) {
                copies.append(
                    KeptCopy(
                        name: String(entry.path.description.dropLast(Self.suffix.count)),
                        size: max(0, entry.status.size - Self.sumLength),
                        used: entry.status.modificationTime))
            }
        }
        return copies
    }

    func remove(_ name: String) async throws { try await store.delete(ObjectPath(name + Self.suffix)) }
}

/// Copies in a nearby store. Uses are remembered by this process; before, a copy counts as used when it was made.
struct StoreCopies: CopyPlace {
    private let store: any ObjectStore
    private let uses = Uses()

    private final class Uses: Sendable {
        let times = Mutex<[String: Int64]>([:])
    }

    init(_ store: any ObjectStore) { self.store = store }

    func holds(_ name: String, _ status: ObjectStatus) async throws -> Bool {
        let path = try ObjectPath(name + FolderCopies.suffix)
        guard let found = try await store.stat(path) else { return false }
        guard found.size == status.size, found.checksums[.md5] == nil || status.checksums[.md5] == nil
            || found.checksums[.md5] == status.checksums[.md5]
        else {
            try await store.delete(path)
            return false
        }
        uses.times.withLock { $0[name] = Int64(Date().timeIntervalSince1970 * 1e9) }
        return true
    }

    func read(_ name: String, _ range: Range<Int64>) async throws -> [UInt8] {
        try await store.read(ObjectPath(name + FolderCopies.suffix), range: range)
    }

    func keep(_ file: String, as name: String) async throws {
        try await store.write(
            ObjectPath(name + FolderCopies.suffix), fromLocalFile: file, transfer: .copy, mode: .overwrite)
        unlink(file)
    }

    func all() async throws -> [KeptCopy] {
        var copies: [KeptCopy] = []
        for try await page in try await store.list(nil) {
            for entry in page where entry.path.description.hasSuffix(FolderCopies.suffix) {
                let name = String(entry.path.description.dropLast(FolderCopies.suffix.count))
                let used = uses.times.withLock { $0[name] } ?? 0
                copies.append(
                    KeptCopy(name: name, size: entry.status.size, used: max(used, entry.status.modificationTime)))
            }
        }
        return copies
    }

    func remove(_ name: String) async throws {
        try await store.delete(ObjectPath(name + FolderCopies.suffix))
        uses.times.withLock { _ = $0.removeValue(forKey: name) }
    }
}

/// Copies whose content this process has seen whole.
private final class CheckedCopies: Sendable {
    private let names = Mutex<Set<String>>([])

    func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
    func insert(_ name: String) { names.withLock { _ = $0.insert(name) } }
}
