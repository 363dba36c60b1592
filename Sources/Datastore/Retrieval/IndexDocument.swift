import ButlerModel
import ByteText
import StructuredData

/// The index of a retrieval or an archive as JSON, for taking parts out and joining others to it. Source: repository format
/// reference, section 8.3.
struct IndexDocument {
    private var head: StructuredMapping
    private var container: StructuredMapping
    private var types: StructuredMapping
    private var refs: StructuredMapping
    private var artifacts: StructuredMapping

    /// `nil` for a document of another form.
    init?(_ document: StructuredValue) {
        guard let head = document.objectValue, let container = head["refs"]?.objectValue,
            let types = container["dataset_types"]?.objectValue, let refs = container["compact_refs"]?.objectValue,
            let artifacts = head["artifact_map"]?.objectValue
        else { return nil }
        self.init(head, container, types, refs, artifacts)
    }

    private init(
        _ head: StructuredMapping, _ container: StructuredMapping, _ types: StructuredMapping, _ refs: StructuredMapping,
        _ artifacts: StructuredMapping
    ) {
        (self.head, self.container, self.types, self.refs, self.artifacts) = (head, container, types, refs, artifacts)
    }

    /// The names of the files.
    var paths: [String] { artifacts.pairs.map(\.key) }

    /// The index without some datasets in some files, and without what is not needed then. Dimension records belong to no
    /// dataset in particular, and stay.
    ///
    /// - Parameter isKept: for the path of a file and a dataset in it.
    func keeping(_ isKept: (String, DatasetID) -> Bool) -> IndexDocument {
        var shown = Set<DatasetID>()
        var keptArtifacts = StructuredMapping()
        for (path, entry) in artifacts.pairs {
            let ids = (entry["ids"]?.arrayValue ?? []).filter { id in
                guard let id = id.stringValue.flatMap({ DatasetID($0) }), isKept(path, id) else { return false }
                shown.insert(id)
                return true
            }
            if !ids.isEmpty { keptArtifacts[path] = ["info": entry["info"] ?? .null, "ids": .array(ids)] }
        }
        var keptRefs = StructuredMapping()
        var names = Set<String>()
        for (text, ref) in refs.pairs {
            guard let id = DatasetID(text), shown.contains(id) else { continue }
            keptRefs[text] = ref
            if let type = ref["dataset_type_name"]?.stringValue { names.insert(type) }
        }
        return IndexDocument(
            head, container, StructuredMapping(types.pairs.filter { names.contains($0.key) }), keptRefs, keptArtifacts)
    }

    /// The datasets that the index names.
    private var ids: Set<DatasetID> { Set(refs.pairs.compactMap { DatasetID($0.key) }) }

    /// This index, and what another says of further files. Of a file that both name, and of a dataset that both have, this
    /// one tells.
    ///
    /// - Returns: `nil` when they are of different versions or universes, or define dataset types differently.
    func joined(with other: IndexDocument) -> IndexDocument? {
        let own = ids
        let known = Set(names: paths)
        let rest = other.keeping { path, id in !known.contains(path) && !own.contains(id) }
        guard head["index_version"] == rest.head["index_version"],
            ["container_version", "universe_version", "universe_namespace"].allSatisfy({
                container[$0] == rest.container[$0]
            })
        else { return nil }
        var result = self
        for (name, type) in rest.types.pairs {
            guard types[name] == nil || types[name] == type else { return nil }
            result.types[name] = type
        }
        for (id, ref) in rest.refs.pairs { result.refs[id] = ref }
        for (path, entry) in rest.artifacts.pairs { result.artifacts[path] = entry }
        result.container["dimension_records"] =
            rest.refs.pairs.isEmpty
            ? container["dimension_records"]
            : Self.joined(container["dimension_records"]?.objectValue, rest.container["dimension_records"]?.objectValue)
        return result
    }

    /// All rows of both; null where one index has none, because then some datasets lack theirs.
    private static func joined(_ first: StructuredMapping?, _ second: StructuredMapping?) -> StructuredValue {
        guard var result = first, let second else { return .null }
        for (element, rows) in second.pairs {
            let held = result[element]?.arrayValue ?? []
            let known = Set(held)
            result[element] = .array(held + (rows.arrayValue ?? []).filter { !known.contains($0) })
        }
        return .object(result)
    }

    /// The text.
    var bytes: [UInt8] {
        var container = StructuredMapping()
        for key in ["container_version", "universe_version", "universe_namespace"] {
            container[key] = self.container[key] ?? .null
        }
        container["dataset_types"] = .object(types)
        container["compact_refs"] = .object(refs)
        container["dimension_records"] = self.container["dimension_records"] ?? .null
        var writer = JSONWriter()
        writer.value(
            .object([
                "index_version": head["index_version"] ?? .null, "refs": .object(container),
                "artifact_map": .object(artifacts),
            ]))
        return writer.bytes
    }
}
