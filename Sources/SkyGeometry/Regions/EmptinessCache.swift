import Synchronization

/// Remembers a yes or no that is costly to find.
///
/// Threads that ask at the same time may each work the answer out; they all find the same.
final class EmptinessCache: Sendable {
    private let state = Atomic<UInt8>(0)

    func value(_ find: () -> Bool) -> Bool {
        switch state.load(ordering: .relaxed) {
        case 1: return false
        case 2: return true
        default:
            let found = find()
            state.store(found ? 2 : 1, ordering: .relaxed)
            return found
        }
    }
}
