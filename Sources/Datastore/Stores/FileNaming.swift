import Dispatch
import ObjectStorage
import Synchronization

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
        func folder(_ index: Int) throws -> String? {
            let file = files[index]
            guard file.datastore.isLocal, let placement = file.placement else { return nil }
            return JournalFiles.folder(of: try file.datastore.localPath(placement.target))
        }
        let half = files.count / 2
        let last = try folder(half - 1)
        guard let end = try files.indices[half...].first(where: { try folder($0) != last }) else { return [files[...]] }
        return [files[..<end], files[end...]]
    }

    private static func publish(
        _ files: ArraySlice<StagedFile>, _ flushes: FolderFlushes, made: (String) -> Void
    ) throws {
        var folders: Set<String> = []
        var (last, lastOfSource) = (HeldFolder?.none, HeldFolder?.none)
        for file in files where file.datastore.isLocal {
            guard let placement = file.placement else { continue }
            let target = try file.datastore.localPath(placement.target)
            if last?.holds(target) != true {
                let folder = JournalFiles.folder(of: target)
                if folders.insert(folder).inserted {
                    try JournalFiles.makeFolder(folder, made: made)
                    flushes.add(folder, below: try file.datastore.rootPath())
                    KillPoint.pass()
                }
                last = HeldFolder(of: target)
            }
            switch placement.staged {
            case .made:
                let isKept = try JournalFiles.place(try file.datastore.stagedPath(placement), at: target)
                file.state.publish(as: placement.target, nil, isKept: isKept)
            case .linked(let source, let identity):
                if lastOfSource?.holds(source) != true { lastOfSource = HeldFolder(of: source) }
                try LocalFile.hardLink(source, lastOfSource, at: target, last)
                guard let linked = FileIdentity(of: target, in: last), linked.isLink(to: source, seenAs: identity) else {
                    try JournalFiles.remove(target)
                    throw ObjectStorageError.changedWhileReading(path: source)
                }
                file.state.publish(as: placement.target, linked)
            }
            KillPoint.pass()
        }
    }
}
