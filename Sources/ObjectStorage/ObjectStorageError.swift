/// What can go wrong with a location or an object. Each text names the path and says what to do, in one line.
public enum ObjectStorageError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidURI(text: String, reason: String)
    case invalidPath(path: String, reason: String)
    case outsideRoot(path: String)
    case notFound(path: String)
    case alreadyExists(path: String)
    /// An object of another source is there, and is not replaced.
    case heldByOther(path: String, source: String)
    /// An object is there that is younger than what was to be stored, and is not replaced.
    case newerThere(path: String)
    case notAFile(path: String)
    case invalidRange(path: String, lower: Int64, upper: Int64, size: Int64)
    case noSpace(path: String)
    case readOnlyFileSystem(path: String)
    case permissionDenied(path: String, operation: String)
    case nameTooLong(path: String)
    case tooManyOpenFiles(path: String)
    case linkImpossible(path: String, source: String, reason: String)
    case changedWhileReading(path: String)
    case unsupported(path: String, operation: String, remedy: String)
    case system(path: String, operation: String, code: Int32, message: String)
    case invalidSettings(reason: String)
    /// No answer, or none that can be used.
    case unreachable(path: String, operation: String, reason: String)
    /// The service refused or failed.
    case remote(path: String, operation: String, status: Int, code: String, message: String)
    case truncated(path: String, expected: Int64, received: Int64)
    case damaged(path: String, checksum: String)

    /// Whether the same may succeed when it is tried again later.
    public var isTransient: Bool {
        switch self {
        case .unreachable, .truncated, .damaged, .changedWhileReading, .tooManyOpenFiles: true
        case .remote(_, _, let status, let code, _):
            HTTPAnswer.isTransient(status) || Self.transientCodes.contains(code)
        default: false
        }
    }

    /// Codes of S3 services for what may succeed when it is tried again, beside what the status says.
    static let transientCodes: Set<String> = [
        "ConditionalRequestConflict", "IncompleteBody", "InternalError", "OperationAborted", "RequestTimeout",
        "ServiceUnavailable", "SlowDown",
    ]

    public var description: String {
        switch self {
        case .invalidURI(let text, let reason):
            "'\(text)' is not a usable location: \(reason); give an absolute path or a URI with a scheme"
        case .invalidPath(let path, let reason):
            "'\(path)' is not a usable object path: \(reason)"
        case .outsideRoot(let path):
            "path '\(path)' leads out of the storage root; give a relative path that stays inside it"
        case .notFound(let path):
            "no file at '\(path)'; check the path, or whether the file was deleted"
        case .alreadyExists(let path):
            "'\(path)' already exists, and nothing is overwritten; move it away first"
        case .heldByOther(let path, let source):
            "'\(path)' has the bytes of another file"
                + (source.isEmpty ? "" : " (\(source))")
                + ", and is not replaced; give each its own key, or move it away"
        case .newerThere(let path):
            "'\(path)' has other bytes, which have come since, and is not replaced; send the file anew if it is to be"
        case .notAFile(let path):
            "'\(path)' is not a regular file; give the path of a file"
        case .invalidRange(let path, let lower, let upper, let size):
            "bytes \(lower)..<\(upper) were asked of '\(path)', which has \(size) bytes; ask for a range inside the file"
        case .noSpace(let path):
            "no space or quota left to write '\(path)'; free some space and try again (nothing was stored)"
        case .readOnlyFileSystem(let path):
            "'\(path)' is on a read-only file system; mount it writable or choose another root"
        case .permissionDenied(let path, let operation):
            "no permission to \(operation) '\(path)'; "
                + (path.contains("://") && !path.hasPrefix("file:")
                    ? "check the keys or the token, and what they are allowed to do there"
                    : "check the owner and mode of the file and its folders")
        case .nameTooLong(let path):
            "the name of '\(path)' is too long for the file system; shorten the run or template that makes it"
        case .tooManyOpenFiles(let path):
            "too many open files to open '\(path)'; raise the limit (ulimit -n) or reduce the load"
        case .linkImpossible(let path, let source, let reason):
            "cannot link '\(path)' to '\(source)': \(reason); transfer with mode copy or symlink instead"
        case .changedWhileReading(let path):
            "'\(path)' changed while it was read; read it again once its writer has finished"
        case .unsupported(let path, let operation, let remedy):
            "cannot \(operation) '\(path)': \(remedy)"
        case .system(let path, let operation, let code, let message):
            "could not \(operation) '\(path)': \(message) (errno \(code)); check the file system"
        case .invalidSettings(let reason): reason
        case .unreachable(let path, let operation, let reason):
            "could not \(operation) '\(path)': \(reason); check the address and the state of the service"
        case .remote(let path, let operation, let status, let code, let message):
            "could not \(operation) '\(path)': the service answered \(status)"
                + (code.isEmpty ? "" : " \(code)")
                + (message.isEmpty ? "" : " (\(message.split(whereSeparator: \.isNewline).joined(separator: " ")))")
                + (isTransient
                    ? "; try again later" : "; check the bucket, the keys and the request")
        case .truncated(let path, let expected, let received):
            "'\(path)' was cut short: \(received) of \(expected) bytes came; try again"
        case .damaged(let path, let checksum):
            "the bytes of '\(path)' were changed on their way (\(checksum) differs); try again, and check the network "
                + "and the store"
        }
    }
}
