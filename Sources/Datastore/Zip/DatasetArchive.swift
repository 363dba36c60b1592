import ButlerModel
import ByteText
import ObjectStorage
import StructuredData

/// A zip archive of datasets: what is in it, as its own index tells.
///
/// The index is checked against the archive before anything of it is believed: each file it names is a plain member
/// with room of its own, and each dataset it names has a file. Source: repository format reference, section 8.3.
public struct DatasetArchive: Sendable {
    /// A member and the datasets in it.
    public struct Artifact: Sendable {
        public let member: String
        /// The path is that of the repository that the archive came from.
        public let info: StoredFileInfo
        public let ids: [DatasetID]
    }

    /// In the order of their identifiers.
    public let refs: [DatasetRef]
    public let artifacts: [Artifact]
    /// The records of all dimensions of the datasets, if the archive carries them.
    public let records: [DimensionRecord]?

    /// The name that Rubin's software gives such an archive.
    public var fileName: String { DatasetID.ofArchive(members: artifacts.map(\.member)).description + ".zip" }

    /// Where a datastore keeps the archive, below its root.
    public var pathInDatastore: String { "zips/\(fileName.prefix(4))/\(fileName)" }

    /// An index beyond this size is refused: it would describe hundreds of thousands of datasets.
    static let largestIndex: UInt64 = 1 << 27

    /// The most that the index of an archive can have to say, in bytes. Members may hold many datasets each.
    static func largestIndex(members: Int) -> UInt64 {
        min(largestIndex, (16 << 20) + UInt64(members) * (256 << 10))
    }

    /// Reads the index of an archive on this machine.
    ///
    /// - Parameter universe: of the repository that takes the datasets in.
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)``, `ButlerError` for datasets that cannot be in the
    ///   universe, `ObjectStorageError` without such a file.
    public init(path: String, universe: DimensionUniverse) async throws {
        let store = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
        guard
            let source = try await ByteSource(store, try ObjectPath(path.withoutFirstSlashes), name: path)
        else { throw ObjectStorageError.notFound(path: path) }
        try await self.init(source, universe: universe)
    }

    /// Reads the index of an archive on any machine, with ranges.
    ///
    /// - Throws: as ``init(path:universe:)``.
    public init(location: ResourceURI, universe: DimensionUniverse) async throws {
        if let local = location.localPath {
            try await self.init(path: local, universe: universe)
            return
        }
        let (store, path) = try RemoteStores.process.place(of: location)
        guard let source = try await ByteSource(store, path, name: location.description) else {
            throw ObjectStorageError.notFound(path: location.description)
        }
        try await self.init(source, universe: universe)
    }

    init(_ source: ByteSource, universe: DimensionUniverse) async throws {
        let zip = try await ZipArchive(source)
        try zip.checkLayout()
        guard let index = zip.members[RetrievalIndex.fileName] else {
            throw DatastoreError.malformedZip(
                path: source.name,
                reason: "it has no '\(RetrievalIndex.fileName)', so it was not made by 'retrieve-artifacts --zip'")
        }
        guard index.size <= Self.largestIndex(members: zip.members.count) else {
            throw DatastoreError.malformedZip(
                path: source.name,
                reason: "its index claims to have \(index.size) bytes, too many for \(zip.members.count) members")
        }
        let document = try Self.document(try await zip.read(RetrievalIndex.fileName), name: source.name)
        do throws(ButlerError) {
            let reader = DocumentReader(document, path: "index of \(source.name)")
            let content = try ArchiveIndexReader(universe: universe).read(reader)
            (refs, artifacts, records) = (content.refs, content.artifacts, content.records)
        } catch {
            throw DatastoreError.malformedZip(path: source.name, reason: error.message)
        }
        let named = Set(names: artifacts.map(\.member))
        if let other = zip.members.keys.filter({ !named.contains($0) && $0 != ExactName(RetrievalIndex.fileName) }).min() {
            throw DatastoreError.malformedZip(
                path: source.name, reason: "its index does not name the member '\(other)', which nobody could reach")
        }
        for artifact in artifacts {
            guard let member = zip.members[artifact.member], artifact.member != RetrievalIndex.fileName else {
                throw DatastoreError.malformedZip(
                    path: source.name, reason: "its index names the member '\(artifact.member)', which it does not have"
                )
            }
            guard artifact.info.fileSize < 0 || UInt64(artifact.info.fileSize) == member.size else {
                throw DatastoreError.malformedZip(
                    path: source.name,
                    reason: "its index gives '\(artifact.member)' \(artifact.info.fileSize) bytes, and it has \(member.size)"
                )
            }
        }
    }

    /// Values in memory take much more than their text if they are as short as they can be, which those of an index are
    /// not: there each has a name, or is one of a record's or region's. So an index of too many values is refused unread.
    private static func document(_ bytes: [UInt8], name: String) throws -> StructuredValue {
        var values = 0
        for byte in bytes where byte == 0x2C || byte == 0x5B || byte == 0x7B { values += 1 }
        guard values <= 10_000 + bytes.count / 6 else {
            throw DatastoreError.malformedZip(
                path: name, reason: "its index holds \(values) values in \(bytes.count) bytes, and so no datasets")
        }
        do {
            return try StructuredValue(json: bytes)
        } catch {
            throw DatastoreError.malformedZip(path: name, reason: "its index is no JSON: \(error)")
        }
    }
}

/// Reads the JSON form of an index.
struct ArchiveIndexReader {
    let universe: DimensionUniverse

    struct Content {
        var refs: [DatasetRef] = []
        var artifacts: [DatasetArchive.Artifact] = []
        var records: [DimensionRecord]?
    }

    func read(_ reader: DocumentReader) throws(ButlerError) -> Content {
        try requireVersion(try reader.required("index_version"))
        let container = try reader.required("refs")
        try requireVersion(try container.required("container_version"))
        let namespace = try container.required("universe_namespace").string()
        guard namespace == universe.namespace else {
            throw ButlerError(
                .malformedModel,
                "the datasets are of the dimension universe '\(namespace)', the repository is of '\(universe.namespace)'"
            )
        }
        let isSameVersion = try container.required("universe_version").int64() == Int64(universe.version)
        var content = Content()
        content.refs = try refs(container)
        let known = Set(content.refs.map(\.id))
        content.artifacts = try artifacts(try reader.required("artifact_map"), known: known)
        let stored = Set(content.artifacts.flatMap(\.ids))
        if let orphan = content.refs.first(where: { !stored.contains($0.id) }) {
            throw ButlerError(.malformedModel, "dataset \(orphan.id) has no file in the archive")
        }
        if let records = try container.optional("dimension_records") {
            do throws(ButlerError) { content.records = try self.records(records) } catch where !isSameVersion {
                // They are lists in the order of the columns, of which another version may have others.
            }
        }
        return content
    }

    private func requireVersion(_ reader: DocumentReader) throws(ButlerError) {
        let version = try reader.string()
        guard version == "V1" else { throw reader.failure("is '\(version)'; this program knows V1") }
    }

    private func refs(_ container: DocumentReader) throws(ButlerError) -> [DatasetRef] {
        var types: [String: DatasetType] = [:]
        for (name, member) in try container.required("dataset_types").members() {
            types[name] = try DatasetType(wire: member, universe: universe)
        }
        var refs: [DatasetRef] = []
        for (key, member) in try container.required("compact_refs").members() {
            guard let id = DatasetID(key) else { throw member.failure("has a key that is no UUID") }
            let nameReader = try member.required("dataset_type_name")
            let name = try nameReader.string()
            guard let type = types[name], type.name == name, !type.isComponent else {
                throw nameReader.failure("names the dataset type '\(name)', which the index does not define")
            }
            let run = try member.required("run").string()
            let dataID = try DataCoordinate.standardize(
                try DataCoordinate.mapping(wire: try member.required("data_id")), group: type.dimensions,
                universe: universe)
            refs.append(DatasetRef(id: id, datasetType: type, dataID: dataID, run: run))
        }
        return refs.sorted { $0.id < $1.id }
    }

    private func artifacts(
        _ map: DocumentReader, known: Set<DatasetID>
    ) throws(ButlerError) -> [DatasetArchive.Artifact] {
        var artifacts: [DatasetArchive.Artifact] = []
        var parts = Set<Part>()
        for (name, member) in try map.members() {
            guard ArchiveName.isPlain(name) else { throw member.failure("is for a member with a name that is not plain") }
            let info = try StoredFileInfo(wire: try member.required("info"))
            var ids: [DatasetID] = []
            for item in try member.required("ids").items() {
                guard let id = DatasetID(try item.string()), known.contains(id) else {
                    throw item.failure("is no identifier of a dataset of the index")
                }
                guard parts.insert(Part(id: id, component: info.component)).inserted else {
                    throw item.failure("names a dataset that has another file already")
                }
                ids.append(id)
            }
            guard !ids.isEmpty else { throw member.failure("names no dataset") }
            artifacts.append(.init(member: name, info: info, ids: ids.sorted()))
        }
        return artifacts
    }

    private struct Part: Hashable {
        let id: DatasetID
        let component: String?
    }

    private func records(_ reader: DocumentReader) throws(ButlerError) -> [DimensionRecord] {
        var records: [DimensionRecord] = []
        for (name, rows) in try reader.members() {
            let element = try universe.requireElement(name)
            guard element.hasOwnTable else { continue }
            for row in try rows.items() {
                let cells = try row.items()
                guard cells.count == element.columns.count else {
                    throw row.failure("must have \(element.columns.count) values, one for each column of '\(name)'")
                }
                var values: [ColumnValue] = []
                for (cell, column) in zip(cells, element.columns) {
                    let value = try ColumnValue(wire: cell, type: column.type)
                    if case .region(let region) = value {
                        do { _ = try region.decoded() } catch { throw cell.failure("is no region: \(error)") }
                    }
                    values.append(value)
                }
                let record = DimensionRecord(element: element, values: values)
                guard record.requiredValues.count == element.required.count else {
                    throw row.failure("lacks a value of the key of '\(name)'")
                }
                records.append(record)
            }
        }
        return records
    }
}
