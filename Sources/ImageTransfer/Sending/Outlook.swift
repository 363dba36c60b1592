import ObjectStorage

/// What can be hoped for after a failure.
enum Outlook: Sendable, Hashable {
    /// It passes: a store that is not reached, or overloaded.
    case passing
    /// A refusal, which passes when somebody mends policy, keys, bucket or file.
    case refused
    /// Nothing but another request will help.
    case hopeless
    /// The file is not there.
    case gone

    /// Codes of services for requests that they will never take.
    private static let hopelessCodes: Set<String> = [
        "KeyTooLongError", "InvalidURI", "InvalidBucketName", "InvalidObjectName", "XMinioInvalidObjectName",
        "EntityTooLarge",
    ]

    /// Whether a service has failed, or what is before it: full, overloaded, down. Not that it does not know the request.
    private static func isFailure(_ status: Int) -> Bool { status >= 500 && status != 501 && status != 505 }

    /// What is not known counts as refused: it is tried for long, and nothing is lost.
    init(_ error: any Error) {
        switch error {
        case DaemonError.outsideRoots, DaemonError.noDestination: self = .hopeless
        case let error as ObjectStorageError:
            switch error {
            case .notFound(let path) where !path.hasPrefix("s3://"): self = .gone
            case .notAFile, .alreadyExists, .heldByOther, .newerThere: self = .hopeless
            case .unreachable, .truncated, .tooManyOpenFiles, .noSpace: self = .passing
            case .remote(_, _, let status, let code, _):
                self =
                    Self.hopelessCodes.contains(code) || status == 413 || status == 414
                    ? .hopeless
                    : error.isTransient || Self.isFailure(status) ? .passing : .refused
            default: self = .refused
            }
        default: self = .refused
        }
    }
}

/// How it went with a request so far, in this process.
struct Tries: Sendable {
    /// So many failures of a kind in a row count; fewer may be chance.
    private static let enough = 5

    private(set) var rounds = 0
    private var kind = Outlook.passing
    /// Refusals in a row, and those among them of one kind.
    private var refusals = 0
    private var alike = 0

    mutating func add(_ outlook: Outlook) {
        rounds += 1
        refusals = outlook == .passing ? 0 : refusals + 1
        alike = outlook == kind ? alike + 1 : 1
        kind = outlook
    }

    /// Whether trying again is no use any more.
    ///
    /// - Parameters:
    ///   - patience: seconds for which refusals are tried.
    ///   - age: seconds since the first refusal.
    func areOver(patience: Double, age: Double) -> Bool {
        switch kind {
        case .passing: false
        case .refused: refusals >= Self.enough && age >= patience
        case .hopeless, .gone: alike >= Self.enough || refusals >= Self.enough && age >= patience
        }
    }

    /// Seconds until the next one, about.
    var pause: Double { min(kind == .passing ? 30 : 300, 0.2 * Double(1 << min(max(0, rounds - 1), 11))) }
}
