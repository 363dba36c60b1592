import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Registry

/// What there is to bring from a repository.
struct TransferPlan: Sendable {
    struct File: Sendable {
        let source: ResourceURI
        /// Whether it was ingested in place, and is recorded by its absolute location.
        var isOutside: Bool
        var rows: [RecordedFile.Row]
        /// Whether datasets are in it that do not come along.
        var isShared = false

        /// As the datastore wants them.
        var recorded: (source: ResourceURI, rows: [(ref: DatasetRef, info: StoredFileInfo)]) {
            (source, rows.map { ($0.ref, $0.info) })
        }
    }

    var refs: [DatasetRef] = []
    var files: [File] = []
    /// Dimension records in an order in which they can be inserted.
    var records: [DimensionRecord] = []
    /// Datasets that no datastore of the source has.
    var leftOut: [DatasetRef] = []
    /// Those of `refs` with files that are recorded and not there, and where.
    var lost: [(ref: DatasetRef, places: String)] = []

    /// - Parameter held: datasets that are brought already.
    /// - Throws: `DatastoreError.missingSources(count:examples:)` for others whose files are lost.
    func requireSources(apartFrom held: Set<DatasetID>) throws {
        let missing = lost.filter { !held.contains($0.ref.id) }
        guard !missing.isEmpty else { return }
        throw DatastoreError.missingSources(
            count: missing.count, examples: missing.prefix(3).map { "\($0.ref) (\($0.places))" })
    }
}

/// Datasets that did not come along, because no datastore has them.
public struct LeftOutDatasets: Sendable {
    public private(set) var count = 0
    /// The first few.
    public private(set) var examples: [DatasetRef] = []

    public init() {}

    mutating func add(_ refs: [DatasetRef]) {
        count += refs.count
        examples += refs.prefix(max(0, 5 - examples.count))
    }

    var warning: String {
        let names = examples.map(\.description).joined(separator: "; ")
        return "\(count) \(count == 1 ? "dataset is" : "datasets are") left out, because no datastore of the source has "
            + "\(count == 1 ? "it" : "them"): \(names)\(count > examples.count ? "; …" : "")"
    }
}

/// Dimension records, each once.
struct RecordCollection {
    private var held: [Int: [[DataIDValue]: DimensionRecord]] = [:]

    mutating func add(_ records: [DimensionRecord]) {
        for record in records { held[record.element.position, default: [:]][record.requiredValues] = record }
    }

    /// In an order in which they can be inserted.
    var inOrder: [DimensionRecord] { held.sorted { $0.key < $1.key }.flatMap { Array($0.value.values) } }
}

/// Which files earlier batches have brought. Memory: 16 bytes and a bit for each.
struct SeenFiles {
    private struct Key: Hashable {
        let first: Int
        let second: Int

        init(_ text: String) {
            var hasher = Hasher()
            text.hashBytes(into: &hasher)
            first = hasher.finalize()
            hasher = Hasher()
            hasher.combine(1)
            text.hashBytes(into: &hasher)
            second = hasher.finalize()
        }
    }

    private var keys: Set<Key> = []

    /// Those of the files that are new, and those that are not.
    mutating func add(_ files: [TransferPlan.File]) -> (new: [TransferPlan.File], known: [TransferPlan.File]) {
        var new: [TransferPlan.File] = []
        var known: [TransferPlan.File] = []
        for file in files {
            // Datasets of one file that was ingested in place may come to different paths.
            let target = file.rows.first.map { FileDatastore.file($0.info.path) } ?? ""
            if file.isOutside || keys.insert(Key("\(file.source)\n\(target)")).inserted {
                new.append(file)
            } else {
                known.append(file)
            }
        }
        return (new, known)
    }
}

extension DirectButler {
    /// Looks at the records of datasets and whether their files are there.
    func transferPlan(_ refs: [DatasetRef], skipMissing: Bool, withRecords: Bool) async throws -> TransferPlan {
        let datastore = try datastore()
        var plan = TransferPlan()
        var indexOfFile: [FileKey: Int] = [:]
        for chunk in refs.pieces(of: 10_000) {
            let (stored, expanded) = try await registry.read { snapshot in
                let memory = RecordMemory()
                return (
                    try datastore.stored(chunk.map(\.id), snapshot.connection),
                    try chunk.map { $0.with(dataID: try snapshot.expand($0.dataID, remembering: memory)) }
                )
            }
            for ref in expanded {
                let candidates = stored[ref.id] ?? []
                var found: StoredDataset?
                for candidate in candidates where found == nil {
                    if try await candidate.exists() { found = candidate }
                }
                guard let found else {
                    if candidates.isEmpty, skipMissing {
                        plan.leftOut.append(ref)
                        continue
                    }
                    plan.refs.append(ref)
                    if let first = candidates.first {
                        let places = try first.locations().values.map(\.description).sorted()
                        plan.lost.append((ref, places.joined(separator: ", ")))
                    }
                    continue
                }
                plan.refs.append(ref)
                for info in found.infos {
                    let location = try found.datastore.location(of: info).withoutFragment
                    let key = FileKey(location: ExactName(location.description), isOutside: try info.isOutside)
                    let row = RecordedFile.Row(ref, info)
                    if let index = indexOfFile[key] {
                        plan.files[index].rows.append(row)
                    } else {
                        indexOfFile[key] = plan.files.count
                        plan.files.append(.init(source: location, isOutside: key.isOutside, rows: [row]))
                    }
                }
            }
        }
        if withRecords {
            let dataIDs = plan.refs.map(\.dataID)
            plan.records = try await registry.read { try $0.dimensionRecords(of: dataIDs) }
        }
        return plan
    }

    /// Marks files that other datasets than these are in, too.
    func markShared(_ plan: inout TransferPlan) async throws {
        let ids = plan.refs.map(\.id)
        let datastore = try datastore()
        let shared = try await registry.read { snapshot in
            var shared: Set<ExactName> = []
            for files in datastore.files { shared.formUnion(try files.pathsShared(ids, snapshot.connection)) }
            return shared
        }
        for index in plan.files.indices {
            plan.files[index].isShared = plan.files[index].rows.contains { shared.contains($0.info.path) }
        }
    }
}

private struct FileKey: Hashable {
    let location: ExactName
    let isOutside: Bool
}
