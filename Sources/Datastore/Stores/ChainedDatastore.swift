import ButlerModel
import RepositoryConfiguration

/// Several datastores in a row: a dataset is written to each that accepts it and read from the first that has it.
public struct ChainedDatastore: Datastore {
    private struct Link: Sendable {
        let datastore: any Datastore
        let constraints: DatasetConstraints
    }

    public let name: String
    private let links: [Link]
    private let constraints: DatasetConstraints

    public var members: [DatastoreMember] { links.flatMap(\.datastore.members) }

    init(
        _ entries: [DatastoreConfiguration.Member], constraints: DatasetConstraints, universe: DimensionUniverse,
        storageClasses: StorageClassRegistry
    ) throws {
        let conform = universe.lookupConformer
        links = try entries.map { entry in
            Link(
                datastore: try Datastores.open(entry.datastore, universe: universe, storageClasses: storageClasses),
                constraints: entry.constraints.conformed(by: conform))
        }
        self.constraints = constraints.conformed(by: conform)
        name = "ChainedDatastore[\(links.map(\.datastore.name).joined(separator: ", "))]"
        for datastore in files { datastore.join(files) }
    }

    public func accepting(_ subject: LookupSubject) -> [FileDatastore] {
        guard constraints.accepts(subject) else { return [] }
        return links.filter { $0.constraints.accepts(subject) }.flatMap { $0.datastore.accepting(subject) }
    }

    public func stage(
        _ value: DatasetValue, _ ref: DatasetRef, provenance: DatasetProvenance?
    ) throws -> StagedDataset {
        let subject = LookupSubject(ref)
        var staged = StagedDataset(ref: ref)
        var isAccepted = false
        do {
            for link in links where constraints.accepts(subject) && link.constraints.accepts(subject) {
                do {
                    staged.merge(try link.datastore.stage(value, ref, provenance: provenance))
                    isAccepted = true
                } catch DatastoreError.rejected {
                    // Another member may take it.
                    continue
                }
            }
        } catch {
            staged.discardIgnoringErrors()
            throw error
        }
        guard isAccepted else { throw DatastoreError.rejected(dataset: ref.description, datastore: name) }
        return staged
    }
}
