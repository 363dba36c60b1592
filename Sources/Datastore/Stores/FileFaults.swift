import ButlerModel
import Database
import ObjectStorage

/// Looking at recorded files, on this machine and on others.
extension FileDatastore {
    /// What is wrong with a recorded file.
    public enum FileFault: Sendable, Hashable {
        /// The recorded path leads nowhere.
        case unusable(reason: String)
        case missing
        case size(found: Int64)
        case checksum
        /// The zip archive that it is in, or the member, cannot be read.
        case archive(reason: String)
        /// The service that should have it does not say.
        case outOfReach(reason: String)
    }

    /// Where the file of a record is, and the zip member; `nil` where files cannot be looked at.
    private func anyPlace(
        of info: StoredFileInfo
    ) throws -> (store: any ObjectStore, path: ObjectPath, member: String?)? {
        guard info.reasonUnusable == nil else { return nil }
        if let remote = try remotePlace(of: info) { return remote }
        do { return try place(of: info) } catch DatastoreError.unsupportedLocation { return nil }
    }

    /// Why no file of the datastore can be looked at, as the service of its root says when it is asked for one.
    ///
    /// - Returns: `nil` for a root on this machine, and when the service answers.
    public func reasonForSilence(about info: StoredFileInfo) async throws -> String? {
        guard !isLocal, info.pathBelowRoot != nil else { return nil }
        do {
            if let place = try anyPlace(of: info) { _ = try await place.store.stat(place.path) }
            return nil
        } catch is CancellationError { throw CancellationError() } catch { return "\(error)" }
    }

    /// What is wrong with the files of records; `nil` where nothing is, and where files cannot be looked at.
    ///
    /// Cost: a look at each file, sixteen at a time on other machines.
    /// - Parameters:
    ///   - checksums: whether content is compared where a checksum is recorded, and members of archives are unpacked.
    ///   - archives: remembers archives that were looked into.
    public func faults(
        of infos: [StoredFileInfo], checksums: Bool, _ archives: inout CheckedArchives
    ) async throws -> [FileFault?] {
        var faults: [FileFault?] = []
        var distant: [Int] = []
        for (index, info) in infos.enumerated() {
            if !isLocal, let place = ArtifactLocation.belowRoot(info.path), place.member == nil {
                distant.append(index)
                faults.append(nil)
            } else {
                faults.append(try await fault(of: info, checksums: checksums, &archives))
            }
        }
        let found = try await inParallel(distant) { index in
            var none = CheckedArchives()
            return try await self.fault(of: infos[index], checksums: checksums, &none)
        }
        for (index, fault) in zip(distant, found) { faults[index] = fault }
        return faults
    }

    private func fault(
        of info: StoredFileInfo, checksums: Bool, _ archives: inout CheckedArchives
    ) async throws -> FileFault? {
        if let reason = info.reasonUnusable { return .unusable(reason: reason) }
        do {
            guard let place = try anyPlace(of: info) else { return nil }
            if let silence = archives.silence(of: place.store) { return .outOfReach(reason: silence) }
            guard let size = try await place.store.stat(place.path)?.size else { return .missing }
            if let member = place.member {
                return try await archives.fault(
                    ofMember: member, recordedSize: info.fileSize, in: place.store, place.path, checksums)
            }
            guard info.fileSize < 0 || info.fileSize == size else { return .size(found: size) }
            guard checksums, let wanted = info.checksum else { return nil }
            return try await place.store.checksum(of: place.path) == wanted ? nil : .checksum
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // A disk that fails ends the check; a service that fails is one of many.
            guard try location(of: info).localPath == nil else { throw error }
            if case ObjectStorageError.unreachable = error, let store = try? anyPlace(of: info)?.store {
                archives.remember(silence: "\(error)", of: store)
            }
            return .outOfReach(reason: "\(error)")
        }
    }

    /// Which of the files of records are there; `nil` where that cannot be known.
    public func presence(of infos: [StoredFileInfo]) async throws -> [Bool?] {
        guard !isLocal else {
            return try await POSIXObjectStore.sharedPool.run { try infos.map { try self.isOnThisMachine($0) } }
        }
        return try await inParallel(infos) { info in
            guard let place = try self.anyPlace(of: info) else { return nil }
            do { return try await place.store.stat(place.path) != nil } catch is ObjectStorageError { return nil }
        }
    }

    /// Whether the file of a record is there; `nil` when that cannot be looked at, as where its path leads nowhere. Blocks.
    /// - Throws: `ObjectStorageError` when the system or the service does not say, as on a mount that has vanished.
    public func isThere(_ info: StoredFileInfo) throws -> Bool? {
        guard info.reasonUnusable == nil else { return nil }
        guard let place = try remotePlace(of: info) else { return try isOnThisMachine(info) }
        return try BlockingCall.wait { try await place.store.stat(place.path) != nil }
    }

    /// `nil` for a file of another machine, and for a path that leads nowhere.
    private func isOnThisMachine(_ info: StoredFileInfo) throws -> Bool? {
        guard info.reasonUnusable == nil else { return nil }
        let place: (store: POSIXObjectStore, path: ObjectPath, member: String?)
        do {
            place = try self.place(of: info)
        } catch DatastoreError.unsupportedLocation { return nil }
        guard let local = place.store.localPath(place.path) else { return nil }
        do {
            _ = try LocalFile.size(local)
            return true
        } catch ObjectStorageError.notFound { return false } catch ObjectStorageError.notAFile { return false }
    }

    /// Bytes of the file of a record below the root; `nil` when it is not there. Blocks.
    func sizeNow(_ info: StoredFileInfo) throws -> Int64? {
        guard let path = ArtifactLocation.belowRoot(info.path)?.path else { return nil }
        guard isLocal else { return try remoteStatus(path)?.size }
        do { return try LocalFile.size(try localPath(path)) } catch ObjectStorageError.notFound { return nil } catch
            ObjectStorageError.notAFile
        { return nil }
    }

    private func remoteStatus(_ path: ObjectPath) throws -> ObjectStatus? {
        guard let remote else { return nil }
        return try BlockingCall.wait { try await remote.stat(path) }
    }

    /// Why the record of a missing file is better kept; `nil` when it is not.
    public func reasonToRemember(_ info: StoredFileInfo) throws -> String? {
        let absence = "the folder that it should be in is not there"
        switch try ArtifactLocation(recorded: info.path) {
        case .inside(let path, _):
            guard isLocal else { return nil }
            return LocalFile.isBehindBrokenLink(try localPath(path), below: try rootPath()) ? absence : nil
        case .outside(let uri, _):
            guard let local = uri.localPath else { return "it was left where it is, on another machine" }
            // A whole folder that is gone looks like a disk that is.
            return LocalFile.isFolder(JournalFiles.folder(of: local)) ? nil : absence
        }
    }

    /// Bytes of the file of a record below the root; 0 when it is not there. Blocks.
    public func sizeBelowRoot(_ info: StoredFileInfo) throws -> Int64 {
        do { return try sizeNow(info) ?? 0 } catch is ObjectStorageError { return 0 }
    }

    /// Seconds since 1970 of the latest change of the file of a record below the root; `nil` when it is not there or
    /// elsewhere. Blocks.
    public func latestChange(_ info: StoredFileInfo) throws -> Int64? {
        guard let path = ArtifactLocation.belowRoot(info.path)?.path else { return nil }
        guard isLocal else { return try remoteStatus(path).map { $0.modificationTime / 1_000_000_000 } }
        return FileTimes(try localPath(path))?.latestChange
    }
}

extension ObjectStore {
    /// BLAKE2b of an object, as records have it. Cost: reads it whole.
    func checksum(of path: ObjectPath) async throws -> String {
        if let local = localPath(path) {
            return try await POSIXObjectStore.sharedPool.run { try LocalFile.checksum(local) }
        }
        var digest = BLAKE2b()
        for try await piece in try await chunks(of: path) { piece.withUnsafeBytes { digest.update($0) } }
        return digest.hexadecimalDigest()
    }
}
