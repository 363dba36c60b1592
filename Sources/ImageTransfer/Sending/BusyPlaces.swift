import ObjectStorage
import Synchronization

/// Sees to it that one file at a time is sent to a place: two that go to one key would end each other's uploads in
/// parts, and which of them stays would be a matter of luck. Others wait in the order they came.
final class BusyPlaces: Sendable {
    struct Place: Hashable {
        let destination: String
        let location: S3Location
    }

    private let waiting = Mutex<[Place: [CheckedContinuation<Void, Never>]]>([:])

    func enter(_ place: Place) async {
        guard !take(place, nil) else { return }
        await withCheckedContinuation { continuation in
            if take(place, continuation) { continuation.resume() }
        }
    }

    /// - Returns: whether the place was free, and is taken now; else `waiter` is told when it is.
    private func take(_ place: Place, _ waiter: CheckedContinuation<Void, Never>?) -> Bool {
        waiting.withLock { waiting in
            guard var others = waiting[place] else {
                waiting[place] = []
                return true
            }
            if let waiter {
                others.append(waiter)
                waiting[place] = others
            }
            return false
        }
    }

    func leave(_ place: Place) {
        let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard var others = waiting[place], !others.isEmpty else {
                waiting[place] = nil
                return nil
            }
            let next = others.removeFirst()
            waiting[place] = others
            return next
        }
        next?.resume()
    }
}
