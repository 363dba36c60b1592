import ButlerModel
import RepositoryConfiguration

/// Several datastores in a row: a dataset is written to each that accepts it and read from the first that has it.
///
/// Members that live in the memory of one Python process hold nothing here and are left out; so is such a datastore
/// that stands alone.
public struct ChainedDatastore: Datastore {
    private struct Member: Sendable {
        let datastore: any Datastore
        let constraints: DatasetConstraints
    }

    public let name: String
    private let members: [Member]
    private let constraints: DatasetConstraints

    public var files: [FileDatastore] { members.flatMap(\.datastore.files) }

    init(
        _ configuration: DatastoreConfiguration, universe: DimensionUniverse, storageClasses: StorageClassRegistry
    ) throws {
        var members: [Member] = []
        switch configuration {
        case .file(let file):
            let datastore = try FileDatastore(file, universe: universe, storageClasses: storageClasses)
            members = [Member(datastore: datastore, constraints: .acceptAll)]
            constraints = .acceptAll
        case .chained(let entries, let own):
            for entry in entries {
                if case .inMemory = entry.datastore { continue }
                members.append(
                    Member(
                        datastore: try Datastores.open(
                            entry.datastore, universe: universe, storageClasses: storageClasses),
                        constraints: entry.constraints.conformed(by: universe.lookupConformer)))
            }
            constraints = own.conformed(by: universe.lookupConformer)
        case .inMemory(let own):
            constraints = own.conformed(by: universe.lookupConformer)
        }
        self.members = members
        name = "ChainedDatastore[\(members.map(\.datastore.name).joined(separator: ", "))]"
    }

    public func accepting(_ subject: LookupSubject) -> [FileDatastore] {
        guard constraints.accepts(subject) else { return [] }
        return members.filter { $0.constraints.accepts(subject) }.flatMap { $0.datastore.accepting(subject) }
    }

    public func stage(_ value: DatasetValue, _ ref: DatasetRef) async throws -> StagedDataset {
        let subject = LookupSubject(ref)
        var staged = StagedDataset(ref: ref)
        var isAccepted = false
        do {
            for member in members where constraints.accepts(subject) && member.constraints.accepts(subject) {
                do {
                    staged.merge(try await member.datastore.stage(value, ref))
                    isAccepted = true
                } catch DatastoreError.rejected {
                    // Another member may take it.
                    continue
                }
            }
        } catch {
            await staged.discardIgnoringErrors()
            throw error
        }
        guard isAccepted else { throw DatastoreError.rejected(dataset: ref.description, datastore: name) }
        return staged
    }
}
