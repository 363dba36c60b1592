/// How backends without better means do the compound operations.
extension ObjectStore {
    public func read(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        guard let before = try await stat(path) else { throw ObjectStorageError.notFound(path: path.description) }
        let pieces = try await inParallel(ranges) { try await self.read(path, range: $0) }
        guard try await stat(path)?.etag == before.etag else {
            throw ObjectStorageError.changedWhileReading(path: path.description)
        }
        return pieces
    }

    public func upload(_ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws -> any ObjectUpload {
        throw ObjectStorageError.unsupported(
            path: path.description, operation: "store piece by piece", remedy: "write the whole object at once")
    }

    public func copy(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        try await write(target, bytes: read(source), mode: mode)
    }

    public func move(_ source: ObjectPath, to target: ObjectPath, mode: WriteMode) async throws {
        if source == target {
            guard try await exists(source) else { throw ObjectStorageError.notFound(path: source.description) }
            return
        }
        try await copy(source, to: target, mode: mode)
        try await delete(source)
    }

    public func delete(_ paths: [ObjectPath]) async throws -> [ObjectPath: any Error] {
        let failures = try await inParallel(paths) { path -> (any Error)? in
            do {
                try await self.delete(path)
                return nil
            } catch let error as CancellationError { throw error } catch { return error }
        }
        return zip(paths, failures).reduce(into: [:]) { if let error = $1.1 { $0[$1.0] = error } }
    }

    public func existing(_ paths: [ObjectPath]) async throws -> Set<ObjectPath> {
        let found = try await inParallel(paths) { try await self.exists($0) }
        return Set(zip(paths, found).filter(\.1).map(\.0))
    }

    public func discardUnfinished(_ path: ObjectPath) async throws {}

    public func signedURL(_ access: SignedAccess, of path: ObjectPath, for lifetime: Int64) async throws -> String? {
        nil
    }
}

/// Results in the order of the inputs, with at most `width` at work at a time.
package func inParallel<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], width: Int = 16, _ body: @escaping @Sendable (Input) async throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        var outputs = [Output?](repeating: nil, count: inputs.count)
        var next = 0
        while next < min(width, inputs.count) {
            let index = next
            group.addTask { (index, try await body(inputs[index])) }
            next += 1
        }
        while let (index, output) = try await group.next() {
            outputs[index] = output
            if next < inputs.count {
                let index = next
                group.addTask { (index, try await body(inputs[index])) }
                next += 1
            }
        }
        return outputs.compactMap { $0 }
    }
}
