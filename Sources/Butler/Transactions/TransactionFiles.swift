import Database
import Datastore
import Synchronization

/// What a transaction does to files. It is finished after the transaction, or undone; on the way parts can be taken back.
final class TransactionFiles: Sendable {
    private struct State {
        var artifacts: [StagedArtifacts] = []
        var deletions: [StagedDeletion] = []
    }

    private let state = Mutex(State())
    /// What waits in the trash of datasets that are put anew; what a part that was taken back has replaced stays.
    let superseded = SupersededFiles()

    var isEmpty: Bool { artifacts.isEmpty && deletions.isEmpty && superseded.isEmpty }
    var artifacts: [StagedArtifacts] { state.withLock { $0.artifacts } }
    var deletions: [StagedDeletion] { state.withLock { $0.deletions } }

    func add(_ part: StagedArtifacts) { state.withLock { $0.artifacts.append(part) } }
    func add(_ deletion: StagedDeletion) { state.withLock { $0.deletions.append(deletion) } }

    /// Lets go of what the last part knows of its files, as far as its intents say it too.
    func settleLast() {
        state.withLock { state in
            guard let last = state.artifacts.popLast() else { return }
            state.artifacts.append(last.settled)
        }
    }

    /// What there is at a moment, to go back to.
    struct Mark {
        fileprivate let artifacts: Int
        fileprivate let deletions: Int
    }

    var mark: Mark { state.withLock { Mark(artifacts: $0.artifacts.count, deletions: $0.deletions.count) } }

    /// Takes back what came after a mark, once its rows are gone. What cannot be taken back now is when the transaction ends.
    func withdraw(to mark: Mark, _ connection: any DatabaseConnection) {
        let (artifacts, deletions) = state.withLock { state in
            defer {
                state.artifacts.removeLast(state.artifacts.count - mark.artifacts)
                state.deletions.removeLast(state.deletions.count - mark.deletions)
            }
            return (state.artifacts[mark.artifacts...], state.deletions[mark.deletions...])
        }
        for part in artifacts.reversed() {
            do {
                _ = try part.undo(connection)
            } catch { add(part) }
        }
        for deletion in deletions {
            do {
                for piece in deletion.pieces { try deletion.finish(piece) }
            } catch { add(deletion) }
        }
    }
}
