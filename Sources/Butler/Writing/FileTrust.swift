import Datastore
import Registry

/// What to do about files that are not what their records say.
extension RepositoryCheck {
    /// The fault of such a file. It becomes what is recorded, if that is asked for and the file can be read.
    func mismatch(
        _ kind: RepositoryFault.Kind, _ detail: String, _ record: FileDatastore.CheckedRecord, in files: FileDatastore
    ) async throws -> RepositoryFault {
        func left(_ reason: String) -> RepositoryFault {
            RepositoryFault(kind, record.info.path, "\(detail); left alone: \(reason)", .none, repairs: repairs)
        }
        let advice = "bring back the file that was stored, or unstore the dataset with prune-datasets"
        guard try record.info.archiveMember == nil else { return left("it is in an archive; \(advice)") }
        guard options.trustsFiles else {
            return left(
                "nothing here tells which is right; \(advice), or, if the file is right, record it with --trust-files")
        }
        guard let ref = try await registry.read({ try $0.datasets([record.id]).first }) else {
            return left("the registry does not know the dataset")
        }
        switch try await files.measure(record.info, of: ref) {
        case .unsound(let reason): return left("the file cannot be trusted: \(reason); \(advice)")
        case .sound(let measured, let isRead):
            if repairs {
                let isReplaced = try await registry.write { [all] in
                    try files.replace(record, with: measured, among: all, $0.connection)
                }
                guard isReplaced else { return left("it has changed meanwhile; look again") }
            }
            let proof =
                isRead ? "and can be read" : "though its formatter '\(record.info.formatter)' is not known here to read it"
            return RepositoryFault(
                kind, record.info.path, "\(detail); the file is trusted, \(proof)", .rows, repairs: repairs)
        }
    }
}
