import ButlerModel
import ByteText
import ObjectStorage
import StructuredData

/// The index that tells what the files of a retrieval are, so that they can be packed into a zip archive that
/// other repositories take in.
///
/// Source: `lsst.daf.butler`, `ZipIndex` version `V1`.
public struct RetrievalIndex: Sendable {
    public static let fileName = "_butler_zip_index.json"

    private let refs: [DatasetRef]
    private let steps: [ArtifactRetrieval.Step]

    /// - Parameter refs: the datasets of the retrieval. Their dimension records are written if all are expanded.
    public init(_ refs: [DatasetRef], _ retrieval: ArtifactRetrieval) {
        self.refs = refs
        steps = retrieval.steps
    }

    /// Writes the index into the folder. What an index that is there says of other files is kept, as far as they are there.
    ///
    /// - Parameter replaces: whether one that cannot be joined is replaced.
    /// - Throws: ``DatastoreError/foreignIndex(path:)``.
    public func write(to destination: ResourceURI, replaces: Bool) async throws {
        let store = try POSIXObjectStore(root: destination.asDirectory, synchronizing: false)
        let joined = try await joined(in: store, replaces: replaces) ?? bytes
        try await store.write(try ObjectPath(Self.fileName), bytes: joined, mode: .overwrite)
    }

    /// Looks whether ``write(to:replaces:)`` can keep what is there.
    public func check(in destination: ResourceURI, replaces: Bool) async throws {
        _ = try await joined(
            in: try POSIXObjectStore(root: destination.asDirectory, synchronizing: false), replaces: replaces)
    }

    /// `nil` when there is nothing to join.
    private func joined(in store: POSIXObjectStore, replaces: Bool) async throws -> [UInt8]? {
        let path = try ObjectPath(Self.fileName)
        guard try await store.exists(path) else { return nil }
        let text = try await store.read(path)
        guard let value = try? StructuredValue(json: text), let other = IndexDocument(value),
            let own = IndexDocument(.object(document))
        else { return try foreign(replaces, store, path) }
        var missing: Set<ExactName> = []
        for name in other.paths {
            if let file = try? ObjectPath(name), try await store.exists(file) { continue }
            missing.insert(name)
        }
        guard let joined = own.joined(with: other.keeping { name, _ in !missing.contains(name) }) else {
            return try foreign(replaces, store, path)
        }
        return joined.bytes + [UInt8(ascii: "\n")]
    }

    private func foreign(_ isReplaced: Bool, _ store: POSIXObjectStore, _ path: ObjectPath) throws -> [UInt8]? {
        if isReplaced { return nil }
        throw DatastoreError.foreignIndex(path: store.localPath(path) ?? path.description)
    }

    /// The text of the index.
    var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.value(document)
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// The name of an archive with these files.
    var archiveName: String { DatasetID.ofArchive(members: steps.map(\.target.description)).description + ".zip" }

    private var document: StructuredMapping {
        ["index_version": "V1", "refs": .object(container), "artifact_map": .object(artifactMap)]
    }

    private var container: StructuredMapping {
        var types = StructuredMapping()
        var compact = StructuredMapping()
        for ref in refs {
            types[ref.datasetType.name] = ref.datasetType.wire
            compact[ref.id.description] = [
                "dataset_type_name": .string(ref.datasetType.name),
                "run": .string(ref.run),
                "data_id": .object(StructuredMapping(ref.dataID.pairs.map { ($0.name, $0.value.wire) })),
            ]
        }
        let universe = refs.first?.dataID.group.universe
        return [
            "container_version": "V1",
            "universe_version": .int(Int64(universe?.version ?? 0)),
            "universe_namespace": .string(universe?.namespace ?? "unknown"),
            "dataset_types": .object(types),
            "compact_refs": .object(compact),
            "dimension_records": dimensionRecords,
        ]
    }

    /// The rows of each element's records, each record once; null when a data ID is not expanded.
    private var dimensionRecords: StructuredValue {
        var rows: [String: [StructuredValue]] = [:]
        var seen = Set<RecordKey>()
        for ref in refs {
            guard let records = ref.dataID.records else { return .null }
            for (element, record) in zip(ref.dataID.group.elements, records) {
                // An element without records has an empty list: Rubin's software looks for all of them.
                if rows[element.name] == nil { rows[element.name] = [] }
                guard let record else { continue }
                let key = RecordKey(element: record.element.position, values: record.requiredValues)
                guard seen.insert(key).inserted else { continue }
                rows[record.element.name, default: []].append(.array(record.values.map(\.wire)))
            }
        }
        return .object(StructuredMapping(rows.sorted { $0.key < $1.key }.map { ($0.key, .array($0.value)) }))
    }

    private struct RecordKey: Hashable {
        let element: Int
        let values: [DataIDValue]
    }

    private var artifactMap: StructuredMapping {
        StructuredMapping(
            steps.map { step in
                var info = step.info
                // The archive that a member came from means nothing to the reader of this index.
                if (try? ResourceURI(info.path))?.zipMember != nil { info.path = step.target.description }
                return (
                    step.target.description,
                    ["info": info.wire, "ids": .array(step.ids.map { .string($0.description) })]
                )
            })
    }
}
