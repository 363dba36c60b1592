import ButlerModel
import ObjectStorage
import RepositoryConfiguration

/// Reading recorded files.
extension FileDatastore {
    /// The value that a recorded file holds.
    func read(_ info: StoredFileInfo, of ref: DatasetRef) async throws -> DatasetValue {
        let artifact = try await reachableArtifact(info, of: ref)
        let formatter = FormatterCatalog.formatter(forClass: info.formatter, pathExtension: artifact.pathExtension)
        return try await FormatterCatalog.pool.run { try formatter.read(artifact) }
    }

    /// A recorded file, brought to this machine if it is on another.
    func reachableArtifact(_ info: StoredFileInfo, of ref: DatasetRef) async throws -> Artifact {
        if let place = try remotePlace(of: info), place.member == nil {
            return try await remoteArtifact(info, place.path, in: place.store, of: ref)
        }
        return try await artifact(info, of: ref.description)
    }

    /// A file of another machine, from the cache if it is there, else fetched and, if its dataset is one to be cached,
    /// kept there.
    private func remoteArtifact(
        _ info: StoredFileInfo, _ path: ObjectPath, in store: any ObjectStore, of ref: DatasetRef
    ) async throws -> Artifact {
        let name = store.root.description + path.description
        let subject = try LookupSubject(subject(of: info, ref))
        let cache = cache.flatMap { $0.caches(subject) ? $0 : nil }
        func artifact(_ bytes: [UInt8]) throws -> Artifact {
            try check(Int64(bytes.count), info, name: name)
            return Artifact(
                content: .memory(bytes), name: name, pathExtension: path.pathExtension, formatter: info.formatter)
        }
        let (id, component, pathExtension) = (ref.id, info.component, path.pathExtension)
        if let cache,
            let bytes = try await FormatterCatalog.pool.run({
                try cache.read(id, component: component, pathExtension: pathExtension)
            })
        {
            return try artifact(bytes)
        }
        let fetched = try await wholeArtifact(info, path, in: store, of: ref.description)
        if let cache, case .memory(let bytes) = fetched.content {
            try await FormatterCatalog.pool.run {
                try cache.insert(bytes, id, component: component, pathExtension: pathExtension)
            }
        }
        return fetched
    }

    /// A file of another machine, fetched.
    private func wholeArtifact(
        _ info: StoredFileInfo, _ path: ObjectPath, in store: any ObjectStore, of dataset: String
    ) async throws -> Artifact {
        let name = store.root.description + path.description
        let bytes: [UInt8]
        do { bytes = try await store.read(path) } catch ObjectStorageError.notFound {
            throw DatastoreError.missingArtifact(path: name, dataset: dataset)
        }
        try check(Int64(bytes.count), info, name: name)
        return Artifact(
            content: .memory(bytes), name: name, pathExtension: path.pathExtension, formatter: info.formatter)
    }

    /// What caching is decided by: the component for its file, else the dataset.
    private func subject(of info: StoredFileInfo, _ ref: DatasetRef) throws -> DatasetRef {
        guard let component = info.component, let definition = storageClasses[ref.datasetType.storageClass] else {
            return ref
        }
        return try componentRef(component, of: ref, definition) ?? ref
    }

    /// Finds a recorded file and checks its size; a zip member is unpacked.
    ///
    /// - Throws: ``DatastoreError/missingArtifact(path:dataset:)``, ``DatastoreError/fileIntegrity(path:expected:found:)``,
    ///   ``DatastoreError/malformedZip(path:reason:)``.
    func artifact(_ info: StoredFileInfo, of dataset: String) async throws -> Artifact {
        let (store, path, member): (any ObjectStore, ObjectPath, String?) =
            if let remote = try remotePlace(of: info) { remote } else { try place(of: info) }
        let local = store.localPath(path) ?? store.root.description + path.description
        guard let member else {
            if store.localPath(path) == nil { return try await wholeArtifact(info, path, in: store, of: dataset) }
            guard let found = try await store.stat(path)?.size else {
                throw DatastoreError.missingArtifact(path: local, dataset: dataset)
            }
            try check(found, info, name: local)
            return Artifact(
                content: .file(local), name: local, pathExtension: path.pathExtension, formatter: info.formatter)
        }
        guard let source = try await ByteSource(store, path, name: local) else {
            throw DatastoreError.missingArtifact(path: local, dataset: dataset)
        }
        let archive = try await ZipArchive(source)
        let name = local + "#zip-path=" + member
        // Before memory is taken for it.
        try check(Int64(clamping: archive.member(member).size), info, name: name)
        let bytes = try await archive.read(member)
        return Artifact(
            content: .memory(bytes), name: name, pathExtension: try ObjectPath(member).pathExtension,
            formatter: info.formatter)
    }

    private func check(_ found: Int64, _ info: StoredFileInfo, name: String) throws {
        guard info.fileSize < 0 || info.fileSize == found else {
            throw DatastoreError.fileIntegrity(path: name, expected: info.fileSize, found: found)
        }
    }
}
