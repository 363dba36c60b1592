import Foundation
import ObjectStorage

/// One object on its way from the distant store to a file of this machine. Readers get what has come already, and wait
/// for what comes next.
actor CacheFetch {
    let size: Int64
    /// The file that it goes to, until the copy is kept.
    let partial: String
    private var available: Int64 = 0
    private var outcome: Result<Void, any Error>?
    private var waiting: [(end: Int64, continuation: CheckedContinuation<Void, any Error>)] = []

    init(partial: String, size: Int64) {
        self.partial = partial
        self.size = size
    }

    /// Reads the object to its end and has the copy kept. What is not whole never is.
    ///
    /// - Returns: how many bytes were read, and why the copy is not kept, unless it is.
    func run(
        _ store: any ObjectStore, _ path: ObjectPath, _ status: ObjectStatus, _ place: any CopyPlace, as name: String
    ) async -> (read: Int64, failure: (any Error)?) {
        do {
            guard FileManager.default.createFile(atPath: partial, contents: nil),
                let file = FileHandle(forWritingAtPath: partial)
            else { throw ObjectStorageError.permissionDenied(path: partial, operation: "write") }
            defer { try? file.close() }
            // The copy has the name of this version, and no other must be in it.
            for try await piece in try await store.chunks(of: path, size: 1 << 20, tagged: status.etag) {
                try await POSIXObjectStore.sharedPool.run { try file.write(contentsOf: piece) }
                arrived(Int64(piece.count))
            }
            guard available == size else { throw ObjectStorageError.changedWhileReading(path: path.description) }
            // All of it was checked; readers need not wait until a nearby store has it.
            end(.success(()))
            try await place.keep(partial, as: name)
            return (available, nil)
        } catch {
            unlink(partial)
            if outcome == nil { end(.failure(error)) }
            return (available, error)
        }
    }

    private func arrived(_ count: Int64) {
        available += count
        // The last bytes are handed out when the whole has been checked.
        let ready = waiting.filter { $0.end <= available && $0.end < size }
        waiting.removeAll { $0.end <= available && $0.end < size }
        for waiter in ready { waiter.continuation.resume() }
    }

    private func end(_ result: Result<Void, any Error>) {
        outcome = result
        for waiter in waiting { waiter.continuation.resume(with: result) }
        waiting = []
    }

    var isOver: Bool { outcome != nil }

    /// How far ahead of what has come a byte is.
    func distance(to offset: Int64) -> Int64 { max(0, offset - available) }

    /// Waits until the bytes before `end` are there.
    func wait(for end: Int64) async throws {
        if let outcome { return try outcome.get() }
        if end <= available, end < size { return }
        try await withCheckedThrowingContinuation { waiting.append((end, $0)) }
    }
}
