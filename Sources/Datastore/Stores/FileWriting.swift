import ButlerModel
import Database
import FITS
import ObjectStorage
import RepositoryConfiguration

/// Writing datasets.
extension FileDatastore {
    public func stage(
        _ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance?
    ) throws -> StagedDataset {
        guard constraints.accepts(LookupSubject(ref)) else {
            throw DatastoreError.rejected(dataset: ref.description, datastore: name)
        }
        let definition = try storageClasses.definition(
            named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
        var staged = StagedDataset(ref: ref)
        do {
            if disassembles(ref, definition) {
                for (component, value) in try parts(of: value, definition, ref) {
                    guard let part = try componentRef(component, of: ref, definition) else { continue }
                    staged.append(try stageFile(value, part, component: component, provenance))
                }
            } else {
                staged.append(try stageFile(value, ref, component: nil, provenance))
            }
        } catch {
            staged.discardIgnoringErrors()
            throw error
        }
        return staged
    }

    /// The components of a composite that have a value, in the order of the storage class.
    private func parts(
        of value: DatasetValue, _ definition: StorageClassDefinition, _ ref: DatasetRef
    ) throws -> [(String, DatasetValue)] {
        func unwritable(_ reason: String) -> DatastoreError {
            .unwritable(dataset: ref.description, formatter: "of its components", reason: reason)
        }
        var members: [String: DatasetValue]
        do {
            guard let parts = try DelegateCatalog.delegate(for: definition).parts(of: value) else {
                throw unwritable("storage class '\(definition.name)' needs a composite, not \(value.kindName)")
            }
            members = parts
        } catch let error as FITSError {
            throw unwritable("\(error)")
        }
        let parts = definition.components.compactMap { component in
            members.removeValue(forKey: component.name).map { (component.name, $0) }
        }
        guard members.isEmpty, !parts.isEmpty else {
            throw DatastoreError.noComponent(
                dataset: ref.description, component: members.keys.sorted().joined(separator: "', '"),
                known: definition.components.map(\.name))
        }
        return parts.filter { part in
            if case .structured(.null) = part.1 { false } else { true }
        }
    }

    /// Writes one file under a hidden name.
    private func stageFile(
        _ value: DatasetValue, _ ref: DatasetRef, component: String?, _ provenance: DatasetProvenance?
    ) throws -> StagedFile {
        let definition = try storageClasses.definition(
            named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
        let template = try template(for: ref).path(for: ref)
        let formatter = try formatter(for: ref)
        let target = WriteTarget(ref: ref, storageClass: definition, formatter: formatter, provenance: provenance)
        try FormatterCatalog.refuseUnknownParameters(target)
        let encoder = FormatterCatalog.formatter(forClass: formatter.className, writing: value)
        let encoded = try encoder.encode(value, for: target)
        let checksum = configuration.usesChecksum ? try encoded.checksum() : nil
        let path = try ArtifactLocation.path(template, extension: encoded.pathExtension)
        let temporary = try session().newPath()
        let local = try stagingRoot() + "/" + temporary.description
        let size: Int64
        switch encoded.content {
        case .memory(let bytes):
            try LocalFile.create(local, bytes)
            size = Int64(bytes.count)
        case .file(let source):
            try LocalFile.copy(source, to: local)
            size = try LocalFile.size(local)
        }
        let info = StoredFileInfo(
            formatter: formatter.className, path: path.description, storageClass: definition.name,
            component: component, checksum: checksum, fileSize: size)
        KillPoint.pass()
        return StagedFile(
            datastore: self, rows: [.init(id: ref.id, info: info)], placement: .init(staged: .made(temporary), target: path))
    }
}

extension EncodedArtifact {
    /// BLAKE2b-512 of the file. Blocks.
    func checksum() throws -> String {
        switch content {
        case .memory(let bytes): BLAKE2b.hexadecimalDigest(of: bytes)
        case .file(let path): BLAKE2b.hexadecimalDigest(of: try LocalFile.read(path))
        }
    }
}
