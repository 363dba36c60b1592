import ObjectStorage

/// Datasets in members of zip archives that stay where they are, as an export that names its files directly gives them.
extension FileDatastore {
    /// - Returns: `nil` when the location names no member. Sizes are not recorded: the archive is not looked into.
    /// - Throws: `ObjectStorageError.notFound` when the archive is not there.
    func stageMember(_ file: IncomingFile) throws -> StagedFile? {
        guard let member = file.location.zipMember, let first = file.refs.first,
            let archive = file.location.localPath
        else { return nil }
        _ = try LocalFile.size(archive)
        let path = try ResourceURI(localPath: archive).description + "#zip-path=" + member
        let formatter = try file.formatter ?? formatter(for: first).className
        let rows = try file.refs.map { ref in
            let definition = try storageClasses.definition(
                named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
            return StagedFile.Row(
                id: ref.id, info: StoredFileInfo(formatter: formatter, path: path, storageClass: definition.name))
        }
        return StagedFile(datastore: self, rows: rows, placement: nil)
    }
}
