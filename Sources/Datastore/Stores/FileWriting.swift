import ButlerModel
import Database
import ObjectStorage
import RepositoryConfiguration

/// Writing datasets.
extension FileDatastore {
    public func stage(_ value: DatasetValue, _ ref: DatasetRef) async throws -> StagedDataset {
        let subject = LookupSubject(ref)
        guard constraints.accepts(subject) else {
            throw DatastoreError.rejected(dataset: ref.description, datastore: name)
        }
        let definition = try storageClasses.definition(
            named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
        var staged = StagedDataset(ref: ref)
        do {
            if definition.isComposite, disassembled.match(subject)?.value ?? configuration.composites.fallback {
                for (component, value) in try parts(of: value, definition, ref) {
                    guard let part = storageClasses.component(component, of: definition.name) else { continue }
                    let type = try DatasetType(
                        name: ref.datasetType.name + "." + component, dimensions: ref.datasetType.dimensions,
                        storageClass: part.name, parentStorageClass: definition.name,
                        isCalibration: ref.datasetType.isCalibration)
                    let partRef = DatasetRef(id: ref.id, datasetType: type, dataID: ref.dataID, run: ref.run)
                    staged.append(try await stage(value, partRef, part, component: component))
                }
            } else {
                staged.append(try await stage(value, ref, definition, component: nil))
            }
        } catch {
            await staged.discardIgnoringErrors()
            throw error
        }
        return staged
    }

    /// The components of a composite that have a value, in the order of the storage class.
    private func parts(
        of value: DatasetValue, _ definition: StorageClassDefinition, _ ref: DatasetRef
    ) throws -> [(String, DatasetValue)] {
        var members: [String: DatasetValue]
        switch value {
        case .composite(let components): members = components
        case .structured(.object(let mapping)):
            members = Dictionary(
                mapping.pairs.map { ($0.key, DatasetValue.structured($0.value)) }, uniquingKeysWith: { _, last in last }
            )
        default:
            throw DatastoreError.unwritable(
                dataset: ref.description, formatter: "of its components",
                reason: "storage class '\(definition.name)' needs a composite, not \(value.kindName)")
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
    private func stage(
        _ value: DatasetValue, _ ref: DatasetRef, _ definition: StorageClassDefinition, component: String?
    ) async throws -> StagedDataset.File {
        let store = try requireStore()
        let template = try template(for: ref).path(for: ref)
        guard let formatter = formatters.match(LookupSubject(ref))?.value else {
            throw DatastoreError.noFormatter(
                datasetType: ref.datasetType.name, storageClass: definition.name, datastore: name)
        }
        let target = WriteTarget(ref: ref, storageClass: definition, formatter: formatter)
        let encoder = FormatterCatalog.formatter(forClass: formatter.className, writing: value)
        let usesChecksum = configuration.usesChecksum
        let (encoded, checksum) = try await FormatterCatalog.pool.run {
            let encoded = try encoder.encode(value, for: target)
            return (encoded, usesChecksum ? try encoded.checksum() : nil)
        }
        let path = try ArtifactLocation.path(template, extension: encoded.pathExtension)
        let temporary = try ObjectPath(Self.hiddenName(beside: path.description))
        switch encoded.content {
        case .memory(let bytes): try await store.write(temporary, bytes: bytes, mode: .createOnly)
        case .file(let source):
            try await store.write(temporary, fromLocalFile: source, transfer: .copy, mode: .createOnly)
        }
        do {
            guard let size = try await store.stat(temporary)?.size else {
                throw DatastoreError.missingArtifact(path: path.description, dataset: ref.description)
            }
            let info = StoredFileInfo(
                formatter: formatter.className, path: path.description, storageClass: definition.name,
                component: component, checksum: checksum, fileSize: size)
            return StagedDataset.File(datastore: self, info: info, temporary: temporary, target: path)
        } catch {
            try await store.delete(temporary)
            throw error
        }
    }

    /// A name in the same folder that listings skip and `removeAbandonedWrites` clears away.
    private static func hiddenName(beside path: String) -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        let name = ".steward-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits + ".partial"
        guard let slash = path.lastIndex(of: "/") else { return name }
        return path[...slash] + name
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
