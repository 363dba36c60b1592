import ByteText
import Dispatch
import ObjectStorage
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension StagedArtifacts {
    /// From so many files on, two threads give them their names: the second gains less than it costs before.
    private static let fewestForTwo = 500

    /// Gives the files their names.
    ///
    /// - Parameters:
    ///   - later: takes what is still to be flushed; `nil`: the names are on the disk when this returns.
    ///   - made: is told of each folder that was missing.
    /// - Throws: `ObjectStorageError.alreadyExists` when there is a file of such a name, `.notFound` when one that is
    ///   recorded where it is has gone, `.changedWhileReading` when one that gets another name is not what it was.
    func publish(flushing later: FolderFlushes?, made: @Sendable (String) -> Void = { _ in }) throws {
        let flushes = later ?? FolderFlushes()
        try confirmRemote()
        try confirmUnmoved()
        let parts = try partsOfFolders()
        let failures = Mutex<[Int: any Error]>([:])
        DispatchQueue.concurrentPerform(iterations: parts.count) { number in
            do {
                try Self.publish(parts[number], flushes, made: made)
            } catch { failures.withLock { $0[number] = error } }
        }
        if let (_, failure) = failures.withLock({ $0.min { $0.key < $1.key } }) { throw failure }
        if later == nil { try flushes.flush() }
        for copy in memory { try copy.publish() }
        KillPoint.pass()
    }

    /// Gives the files their names, and waits until these are on the disk.
    /// - Throws: as the other.
    public func publish() throws { try publish(flushing: nil) }

    /// The files in one part or two, which do not share a folder if those of each folder follow each other: the system lets one
    /// at a time give names in a folder.
    private func partsOfFolders() throws -> [ArraySlice<StagedFile>] {
        guard files.count >= Self.fewestForTwo else { return [files[...]] }
        func folder(_ index: Int) throws -> ExactName? {
            let file = files[index]
            guard file.datastore.isLocal, let placement = file.placement else { return nil }
            return ExactName(JournalFiles.folder(of: try file.datastore.localPath(placement.target)))
        }
        let half = files.count / 2
        let last = try folder(half - 1)
        guard let end = try files.indices[half...].first(where: { try folder($0) != last }) else { return [files[...]] }
        return [files[..<end], files[end...]]
    }

    private static func publish(
        _ files: ArraySlice<StagedFile>, _ flushes: FolderFlushes, made: (String) -> Void
    ) throws {
        var folders: Set<ExactName> = []
        var held = HeldFolders()
        // Whether nothing has got a name in the folder yet.
        var isNew = false
        for file in files where file.datastore.isLocal {
            guard let placement = file.placement else { continue }
            let target = try file.datastore.localPath(placement.target)
            if held.target?.holds(target) != true {
                try held.confirmTarget()
                let folder = JournalFiles.folder(of: target)
                isNew = folders.insert(folder)
                if isNew {
                    try JournalFiles.makeFolder(folder, made: made)
                    try flushes.add(folder)
                    KillPoint.pass()
                }
                held.target = HeldFolder(of: target)
            }
            do {
                try give(file, placement, at: target, &held)
            } catch let failure as ObjectStorageError {
                let folder = JournalFiles.folder(of: target)
                guard case .notFound = failure, isNew, !LocalFile.exists(folder) else { throw failure }
                // Somebody has removed it as an empty one.
                try JournalFiles.makeFolder(folder, made: made)
                held.target = HeldFolder(of: target)
                try give(file, placement, at: target, &held)
            }
            isNew = false
            KillPoint.pass()
        }
        try held.confirmTarget()
    }

    private static func give(
        _ file: StagedFile, _ placement: StagedFile.Placement, at target: String, _ held: inout HeldFolders
    ) throws {
        switch placement.staged {
        case .made:
            let isKept = try JournalFiles.place(try file.datastore.stagedPath(placement), at: target)
            file.state.publish(as: placement.target, nil, isKept: isKept)
        case .linked(let source, let identity):
            file.state.publish(as: placement.target, try held.link(source, seenAs: identity, at: target))
        }
    }
}

/// The folders of the file that got its name last.
private struct HeldFolders {
    var target: HeldFolder?
    private var source: HeldFolder?

    init() {}

    /// Gives a file that was looked at another name, and says what has that name.
    /// - Throws: `ObjectStorageError.changedWhileReading` when it is not what it was; it has no other name then.
    mutating func link(_ file: String, seenAs identity: FileIdentity, at name: String) throws -> FileIdentity {
        if source?.holds(file) != true { source = HeldFolder(of: file) }
        if try !LocalFile.hardLink(file, source, at: name, target) {
            // A folder that is held may be gone, and another have its name.
            (source, target) = (HeldFolder(of: file), HeldFolder(of: name))
            guard try LocalFile.hardLink(file, source, at: name, target) else { throw ObjectStorageError.notFound(path: file) }
        }
        guard let linked = FileIdentity(of: name, in: target), linked.isLink(to: file, seenAs: identity) else {
            try JournalFiles.remove(name, in: target)
            throw ObjectStorageError.changedWhileReading(path: file)
        }
        return linked
    }

    /// - Throws: `ObjectStorageError.system` when files have got names in a folder that has been moved away since.
    func confirmTarget() throws {
        guard let target, !target.isInPlace else { return }
        throw ObjectStorageError.system(
            path: target.path, operation: "give names in", code: ENOENT, message: "another client has moved this folder")
    }
}
