/// Why the daemon does not start, or does not take a request.
public enum DaemonError: Error, Sendable, Hashable, CustomStringConvertible {
    case missingSetting(String)
    case badSetting(name: String, value: String, expected: String)
    case badFile(path: String, reason: String)
    case spoolInUse(path: String)
    case spoolFull(limit: Int)
    case spoolBroken(path: String, reason: String)
    case spoolUnreadable(path: String, reason: String)
    case spoolUnsafe(path: String, reason: String)
    case spoolExposed(path: String, reason: String, remedy: String)
    case setAsideFull(limit: Int)
    case badOrder(path: String, reason: String)
    case outsideRoots(path: String)
    case noDestination(String)
    case stopping
    case cannotListen(host: String, port: Int, reason: String)
    case unreachable(host: String, port: Int, reason: String)

    public var description: String {
        switch self {
        case .missingSetting(let name): "\(name) is required"
        case .badSetting(let name, let value, let expected): "\(name) is invalid: '\(value)' is not \(expected)"
        case .badFile(let path, let reason): "the settings in '\(path)' cannot be used: \(reason)"
        case .spoolInUse(let path): "the spool '\(path)' is in use by another daemon; give each its own folder"
        case .spoolFull(let limit):
            "the spool is full: \(limit) files wait to be sent; try again when some of them are gone"
        case .spoolBroken(let path, let reason):
            "the spool '\(path)' cannot be written: \(reason); nothing is accepted until it can"
        case .spoolUnreadable(let path, let reason):
            "the spool '\(path)' cannot be read: \(reason); do it as the user of its daemon"
        case .spoolUnsafe(let path, let reason):
            "the spool '\(path)' is not used: \(reason), so others could have files sent and removed; give it to the "
                + "daemon's user alone, or name a folder with STEWARD_S3DAEMON_SPOOL that is not there yet"
        case .spoolExposed(let path, let reason, let remedy):
            "the spool '\(path)' is not used: \(reason), so others could put another folder in its place and have files "
                + "sent and removed; \(remedy) or name a folder elsewhere with STEWARD_S3DAEMON_SPOOL"
        case .setAsideFull(let limit):
            "\(limit) requests are set aside, and more stay in the spool; have them tried again, or forgotten"
        case .badOrder(let path, let reason): "the order '\(path)' is not carried out: \(reason); give it again"
        case .noDestination(let name): "the destination '\(name)' is not configured any more"
        case .outsideRoots(let path): "'\(path)' is outside of the folders that files may be sent from"
        case .stopping: "the daemon is stopping; send the file to it after it has been started again"
        case .cannotListen(let host, let port, let reason): "cannot listen on \(host):\(port): \(reason)"
        case .unreachable(let host, let port, let reason): "no daemon at \(host):\(port): \(reason)"
        }
    }
}
