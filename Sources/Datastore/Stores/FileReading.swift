import ObjectStorage

/// Reading recorded files.
extension FileDatastore {
    /// The value that a recorded file holds.
    func read(_ info: StoredFileInfo, of dataset: String) async throws -> DatasetValue {
        let artifact = try await artifact(info, of: dataset)
        let formatter = FormatterCatalog.formatter(forClass: info.formatter, pathExtension: artifact.pathExtension)
        return try await FormatterCatalog.pool.run { try formatter.read(artifact) }
    }

    /// Finds a recorded file and checks its size; a zip member is unpacked.
    ///
    /// - Throws: ``DatastoreError/missingArtifact(path:dataset:)``, ``DatastoreError/fileIntegrity(path:expected:found:)``,
    ///   ``DatastoreError/malformedZip(path:reason:)``.
    func artifact(_ info: StoredFileInfo, of dataset: String) async throws -> Artifact {
        let (store, path, member) = try place(of: info)
        guard let local = store.localPath(path) else {
            throw DatastoreError.unsupportedLocation(uri: store.root.description + path.description)
        }
        guard let member else {
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
        let bytes = try await ZipArchive(source).read(member)
        let name = local + "#zip-path=" + member
        try check(Int64(bytes.count), info, name: name)
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
