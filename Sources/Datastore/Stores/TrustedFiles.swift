import ButlerModel
import Database
import ObjectStorage

/// Recording what files are, where their records are lost, or where a person knows that the files are right and their
/// records are not.
extension FileDatastore {
    /// A file that is not what its record says.
    public enum MeasuredFile: Sendable {
        /// The record that the file should have. Whether it was read: not with a formatter that is not known here.
        case sound(StoredFileInfo, isRead: Bool)
        case unsound(reason: String)
    }

    /// Reads a file as its formatter does, and measures it: the size, and the checksum where one is recorded.
    ///
    /// - Throws: `CancellationError`. Cost: reads the file, and for a checksum once more.
    public func measure(_ info: StoredFileInfo, of ref: DatasetRef) async throws -> MeasuredFile {
        do {
            guard let size = try await size(of: info) else { return .unsound(reason: "it is not there") }
            guard size > 0 else { return .unsound(reason: "it is empty") }
            var measured = info
            measured.fileSize = size
            let artifact = try await artifact(measured, of: ref.description)
            let formatter = FormatterCatalog.formatter(forClass: info.formatter, pathExtension: artifact.pathExtension)
            let isRead = !(formatter is OpaqueFormatter)
            if isRead {
                let value = try await FormatterCatalog.pool.run { try formatter.read(artifact) }
                if let content = value.structured, let needed = storageClasses[info.storageClass]?.mismatch(content) {
                    return .unsound(reason: "it holds \(content.kindName), not \(needed)")
                }
            }
            if let checksum = info.checksum, !checksum.isEmpty {
                let (store, path, _): (any ObjectStore, ObjectPath, String?) =
                    if let remote = try remotePlace(of: info) { remote } else { try place(of: info) }
                measured.checksum = try await store.checksum(of: path)
            }
            guard try await self.size(of: info) == size else { return .unsound(reason: "it is being changed") }
            return .sound(measured, isRead: isRead)
        } catch is CancellationError { throw CancellationError() } catch { return .unsound(reason: "\(error)") }
    }

    /// What is where the files of a dataset would be written.
    public enum FoundFiles: Sendable {
        /// All of them, with the records that they should have.
        case sound([StoredFileInfo])
        /// All of them, but one that is not fit to be recorded.
        case unsound(reason: String)
        /// Not all of them; also if nobody here knows what they would be.
        case incomplete
    }

    /// Looks for the files of a dataset without records where they would be written, and reads and measures them.
    ///
    /// - Parameter ref: with an expanded data ID.
    /// - Throws: `CancellationError`, and `ObjectStorageError` when nobody says whether a file is there.
    public func find(_ ref: DatasetRef) async throws -> FoundFiles {
        let expected: [StoredFileInfo]
        // Types of storage that are not defined here, templates that do not fit.
        do { expected = try expectedFiles(of: ref) } catch { return .incomplete }
        for info in expected where try await size(of: info) == nil { return .incomplete }
        var found: [StoredFileInfo] = []
        for info in expected {
            switch try await measure(info, of: ref) {
            case .sound(let measured, _): found.append(measured)
            case .unsound(let reason): return .unsound(reason: "'\(info.path)' cannot be recorded: \(reason)")
            }
        }
        return found.isEmpty ? .incomplete : .sound(found)
    }

    /// Puts a measured record in the place of the one that was measured, unless that, or the file, is another by now. Blocks.
    /// - Returns: whether it did.
    public func replace(
        _ record: CheckedRecord, with measured: StoredFileInfo, among all: [FileDatastore], _ connection: any DatabaseConnection
    ) throws -> Bool {
        try lockNames(connection, forRemoval: true)
        let present = try checkedRecords(of: [record.id], among: all, connection)
        guard present.contains(where: { $0.isLocated && $0.info == record.info }), try isThere(measured) == true else {
            return false
        }
        if let size = try sizeNow(measured), size != measured.fileSize { return false }
        try table.delete(record.id, component: record.info.component, connection)
        try table.insert([(record.id, measured)], connection)
        // Copies of what the record said before.
        try? cache?.remove([record.id])
        return true
    }
}
