import Foundation
import Synchronization

/// Requests whose senders have been answered and whose files have not arrived. When a later file arrives at the place of
/// one, it is of the past: what it would store had been replaced if it had come in time.
final class LateRequests: Sendable {
    private let waiting = Mutex<[TransferPlace: [UUID: Double]]>([:])

    func add(_ request: TransferRequest, _ place: TransferPlace) {
        waiting.withLock { $0[place, default: [:]][request.id] = request.accepted }
    }

    func remove(_ request: TransferRequest, _ place: TransferPlace) {
        waiting.withLock { waiting in
            waiting[place]?[request.id] = nil
            if waiting[place]?.isEmpty ?? false { waiting[place] = nil }
        }
    }

    func contains(_ request: TransferRequest, _ place: TransferPlace) -> Bool {
        waiting.withLock { $0[place]?[request.id] != nil }
    }

    /// Takes out those that came before a request.
    func removeEarlier(than request: TransferRequest, _ place: TransferPlace) -> [UUID] {
        waiting.withLock { waiting in
            guard let others = waiting[place] else { return [] }
            let earlier = others.filter { $0.key != request.id && $0.value < request.accepted }.map(\.key)
            for id in earlier { waiting[place]?[id] = nil }
            if waiting[place]?.isEmpty ?? false { waiting[place] = nil }
            return earlier
        }
    }
}
