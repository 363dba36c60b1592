import ObjectStorage

/// Bytes that can be read in pieces, such as an object of a store.
struct ByteSource: Sendable {
    /// What messages call it.
    let name: String
    let size: Int64
    private let reader: @Sendable (Range<Int64>) async throws -> [UInt8]

    init(name: String, size: Int64, reader: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]) {
        self.name = name
        self.size = size
        self.reader = reader
    }

    init(name: String, bytes: [UInt8]) {
        self.init(name: name, size: Int64(bytes.count)) { Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)]) }
    }

    /// An object of a store; `nil` when there is none.
    init?(_ store: any ObjectStore, _ path: ObjectPath, name: String) async throws {
        guard let status = try await store.stat(path) else { return nil }
        self.init(name: name, size: status.size) { try await store.read(path, range: $0) }
    }

    /// Exactly the bytes of a range.
    /// - Throws: ``DatastoreError/malformedZip(path:reason:)`` when the range leaves the source.
    func read(at offset: UInt64, count: UInt64) async throws -> [UInt8] {
        guard count <= UInt64(size), offset <= UInt64(size) - count else {
            throw DatastoreError.malformedZip(path: name, reason: "it ends before what its index points to")
        }
        let bytes = try await reader(Int64(offset)..<Int64(offset + count))
        guard bytes.count == Int(count) else {
            throw DatastoreError.malformedZip(path: name, reason: "it became shorter while it was read")
        }
        return bytes
    }
}

/// Little-endian numbers out of a run of bytes. Reading past the end gives `nil`.
struct ByteCursor {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)[...]
        position = 0
    }

    var remaining: Int { bytes.count - position }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    mutating func skip(_ count: Int) -> Bool { take(count) != nil }

    mutating func integer(_ size: Int) -> UInt64? {
        take(size).map { $0.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    }
}
