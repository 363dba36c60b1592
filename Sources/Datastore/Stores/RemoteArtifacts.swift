import ButlerModel
import ByteText
import Database
import ObjectStorage

/// Files on their way into datastores whose roots are on other machines.
///
/// Such services give no file another name, so there is no hidden one: an object gets its final name at once, after its
/// intent is written and before the transaction that records it, and only if the name is free. Inside the transaction it
/// is looked at once more. See docs/writing.md.
extension StagedArtifacts {
    /// Threads that may wait for services.
    public static let pool = BlockingPool(label: "datastore.artifacts", width: 16)
    private static let uploads = 8

    private struct Outgoing: Sendable {
        let source: String
        let target: ObjectPath
        /// Of what the records were made from.
        let identity: FileIdentity

        /// - Throws: `ObjectStorageError.changedWhileReading`.
        func confirm() throws {
            guard FileIdentity(of: source) == identity else { throw ObjectStorageError.changedWhileReading(path: source) }
        }
    }

    /// Writes down which objects are to be made in a datastore, and makes them.
    ///
    /// - Throws: `ObjectStorageError.alreadyExists` when a name is taken. The intent stays in effect after an error that
    ///   comes when some may have been made; ``retract(_:)`` or ``undo(_:)`` take them back.
    func declareRemote(in datastore: FileDatastore) throws {
        let store = try datastore.requireRemote()
        let files = files.filter { $0.datastore === datastore && $0.placement != nil }
        let outgoing = try files.compactMap { file in
            try file.placement.map {
                Outgoing(
                    source: try datastore.stagedPath($0), target: $0.target, identity: try datastore.identity($0))
            }
        }
        guard !outgoing.isEmpty else { return }
        for file in outgoing { try file.confirm() }
        try datastore.refuseTaken(outgoing.map(\.target), in: store)
        let digests = try BlockingCall.wait {
            try await inParallel(outgoing, width: 4) { file in
                try await POSIXObjectStore.sharedPool.run { try ContentDigest(ofLocalFile: file.source) }
            }
        }
        let objects = zip(zip(files, outgoing), digests).map { pair, digest in
            JournalIntent.NewObject(path: pair.1.target.description, digest: digest, source: pair.0.source)
        }
        let path = try datastore.remoteSession().record(JournalIntent(.upload(objects)))
        begin(Intent(datastore: datastore, path: path, isComplete: false))
        try BlockingCall.wait {
            _ = try await inParallel(outgoing, width: Self.uploads) { file in
                do {
                    try await store.write(file.target, fromLocalFile: file.source, transfer: .copy, mode: .createOnly)
                } catch ObjectStorageError.alreadyExists {
                    throw ObjectStorageError.alreadyExists(path: datastore.nameOfObject(file.target))
                }
                KillPoint.pass()
            }
        }
        let changed = outgoing.filter { FileIdentity(of: $0.source) != $0.identity }
        if let first = changed.first {
            // Nobody would know these objects again by the digests of what the sources held before.
            _ = try BlockingCall.wait { try await store.delete(changed.map(\.target)) }
            throw ObjectStorageError.changedWhileReading(path: first.source)
        }
        complete(path)
        for file in files {
            if let placement = file.placement, case .made = placement.staged {
                try JournalFiles.remove(try datastore.stagedPath(placement))
            }
            if let target = file.placement?.target { file.state.publish(as: target, nil) }
        }
    }

    /// Takes back what a ``declare()`` that failed has made on other machines, so that it can be tried again.
    public func retract(_ connection: any DatabaseConnection) throws {
        for intent in declared where !intent.isComplete {
            var result = FileDatastore.Recovered()
            try intent.datastore.lockNames(connection, forRemoval: true)
            try intent.datastore.settle(
                try intent.datastore.intent(at: intent.path).withoutSources, connection, &result)
            try intent.datastore.forgetIntent(intent.path)
            end(intent.path)
        }
    }

    /// Looks whether all objects are there, in the transaction that records them: another writer who took this one for
    /// dead, or emptied the trash, may have removed some before.
    ///
    /// - Throws: `ObjectStorageError.notFound`.
    func confirmRemote() throws {
        let groups = Dictionary(grouping: files.filter { !$0.datastore.isLocal && $0.placement != nil }) {
            ObjectIdentifier($0.datastore)
        }
        for group in groups.values {
            guard let datastore = group.first?.datastore else { continue }
            let store = try datastore.requireRemote()
            let targets = group.compactMap { $0.placement?.target }
            let statuses = try BlockingCall.wait { try await inParallel(targets) { try await store.stat($0) } }
            for ((file, target), status) in zip(zip(group, targets), statuses) {
                let name = datastore.nameOfObject(target)
                guard let status else { throw ObjectStorageError.notFound(path: name) }
                if let info = file.rows.first?.info, info.fileSize >= 0, info.path.hasSameBytes(as: target.description),
                    info.fileSize != status.size
                {
                    throw ObjectStorageError.truncated(path: name, expected: info.fileSize, received: status.size)
                }
            }
            KillPoint.pass()
        }
    }

    /// Removes the source of a move that was on another machine, if it is still what was taken.
    static func removeRemote(_ source: JournalIntent.MovedSource) throws {
        let (store, path) = try RemoteStores.process.place(of: try ResourceURI(source.path))
        try BlockingCall.wait {
            guard let status = try await store.stat(path), status.size == source.identity.size,
                status.modificationTime == source.identity.modified
            else { return }
            try await store.delete(path)
        }
    }
}

extension FileDatastore {
    func requireRemote() throws -> any ObjectStore {
        guard let remote else { throw DatastoreError.unsupportedLocation(uri: root.description) }
        return remote
    }

    /// What messages call an object below a root on another machine.
    func nameOfObject(_ path: ObjectPath) -> String { root.description + path.description }

    fileprivate func refuseTaken(_ paths: [ObjectPath], in store: any ObjectStore) throws {
        let taken = try BlockingCall.wait { try await store.existing(paths) }
        if let path = taken.min() { throw ObjectStorageError.alreadyExists(path: nameOfObject(path)) }
    }

    // MARK: Intents, wherever the journal is

    /// Writes an intent down; gives the path of what it is in. Blocks.
    func record(_ intent: JournalIntent) throws -> String {
        isLocal ? try session().record(intent) : try remoteSession().record(intent)
    }

    func intent(at path: String) throws -> JournalIntent {
        if isLocal { return try JournalIntent(text: try LocalFile.read(path), path: path) }
        let (store, object) = (try requireRemote(), try ObjectPath(path))
        return try JournalIntent(text: try BlockingCall.wait { try await store.read(object) }, path: path)
    }

    func forgetIntent(_ path: String) throws {
        if isLocal { try JournalFiles.remove(path) } else { try remoteSession().remove(path) }
    }

    // MARK: Undoing

    /// Removes those of the objects that are there with the content that they were given.
    ///
    /// - Returns: how many there were.
    func takeBack(_ objects: [JournalIntent.NewObject]) throws -> Int {
        let store = try requireRemote()
        let own = try ownObjects(objects)
        try BlockingCall.wait {
            if let failure = try await store.delete(own).values.first { throw failure }
        }
        KillPoint.pass()
        return own.count
    }

    private func ownObjects(_ objects: [JournalIntent.NewObject]) throws -> [ObjectPath] {
        let store = try requireRemote()
        let wanted = try objects.map { (try ObjectPath($0.path), $0.digest) }
        return try BlockingCall.wait {
            let held = try await inParallel(wanted) { try await store.holds($0.1, at: $0.0) }
            return zip(wanted, held).filter(\.1).map(\.0.0)
        }
    }

    /// Carries out or undoes an intent about objects: those that are not recorded go.
    func settle(_ objects: [JournalIntent.NewObject], recorded: Set<ObjectPath>, _ result: inout Recovered) throws {
        func isRecorded(_ object: JournalIntent.NewObject) throws -> Bool {
            recorded.contains(try ObjectPath(object.path))
        }
        result.files += try takeBack(objects.filter { try !isRecorded($0) })
        let own = Set(names: try ownObjects(objects.filter(isRecorded)).map(\.description))
        for object in objects where own.contains(object.path) {
            result.recorded += 1
            guard let source = object.source else { continue }
            try StagedArtifacts.remove(source)
            result.sources += 1
            KillPoint.pass()
        }
    }

    /// Writers of this datastore, on another machine, that ended in the middle of something. Blocks.
    public func abandonedRemoteSessions() throws -> [AbandonedRemoteSession] {
        guard !isLocal else { return [] }
        let (store, own) = (try requireRemote(), try remoteSession())
        guard let now = try own.serviceTime() else { return [] }
        do {
            return try AbandonedRemoteSession.all(
                store, apartFrom: own.name, of: try nameInJournal(), now: now)
        } catch ObjectStorageError.unsupported {
            // A plain HTTP server has no listing.
            return []
        }
    }

    /// As ``setAsideDamaged(_:)-(AbandonedSession)``.
    public func setAsideDamaged(_ session: AbandonedRemoteSession) throws -> [String] {
        try session.setAsideDamaged(try requireRemote())
    }

    /// As ``recover(_:_:)-(AbandonedSession,_)``.
    public func recover(
        _ session: AbandonedRemoteSession, _ connection: any DatabaseConnection
    ) throws -> Recovered {
        var result = Recovered()
        try lockNames(connection, forRemoval: true)
        for intent in try session.intents(try requireRemote()) {
            try settle(intent, connection, &result)
            result.intents += 1
            KillPoint.pass()
        }
        return result
    }

    /// Removes what a session wrote down, once its intents were carried out and committed. Blocks.
    public func dismiss(_ session: AbandonedRemoteSession) throws {
        let store = try requireRemote()
        try session.discardUnfinished(store)
        try session.remove(store)
    }

    /// Removes staged files of processes of this machine that ended. Blocks.
    public func clearScratch() throws {
        guard !isLocal else { return }
        for session in try AbandonedSession.all(root: try stagingRoot()) { try session.remove() }
    }
}
