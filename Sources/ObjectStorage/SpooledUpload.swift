#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An upload to a store that takes objects only as a whole: it grows in a file of the temporary folder of this machine,
/// where it can also be taken up again.
actor SpooledUpload: ObjectUpload {
    private let store: any ObjectStore
    private let path: ObjectPath
    private let mode: WriteMode
    private let file: POSIXUpload
    private let spool: String
    private var isOver = false

    init(_ store: any ObjectStore, _ path: ObjectPath, mode: WriteMode, resuming token: String?) async throws {
        self.store = store
        self.path = path
        self.mode = mode
        var name = String(UInt64.random(in: .min ... .max), radix: 16)
        var inner: String?
        if let token {
            let parts = token.split(separator: " ")
            guard parts.count == 2, parts[0].allSatisfy(\.isHexDigit) else {
                throw ObjectStorageError.notFound(path: path.description)
            }
            (name, inner) = (String(parts[0]), String(parts[1]))
        }
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        spool = folder + "/steward-upload-" + name
        file = try await POSIXUpload(
            target: spool, mode: .overwrite, resuming: inner, pool: POSIXObjectStore.sharedPool, synchronizing: false)
    }

    var stored: Int64 { get async { await file.stored } }

    var token: String {
        get async { "\(PathText.basename(spool).dropFirst("steward-upload-".count)) \(await file.token)" }
    }

    func append(_ bytes: [UInt8]) async throws {
        guard !isOver else { throw ObjectStorageError.notFound(path: path.description) }
        try await file.append(bytes)
    }

    func finish() async throws -> ObjectStatus {
        guard !isOver else { throw ObjectStorageError.notFound(path: path.description) }
        try await store.write(path, fromLocalFile: await file.temporary, transfer: .copy, mode: mode)
        isOver = true
        try await file.abort()
        guard let status = try await store.stat(path) else {
            throw ObjectStorageError.notFound(path: path.description)
        }
        return status
    }

    func abort() async throws {
        isOver = true
        try await file.abort()
    }
}
