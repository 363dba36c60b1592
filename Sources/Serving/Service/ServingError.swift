/// Why a service could not be started.
public enum ServingError: Error, Equatable, CustomStringConvertible {
    case portInUse(host: String, port: Int)
    case portForbidden(host: String, port: Int)
    case addressUnavailable(host: String, reason: String)
    case badCertificate(path: String, reason: String)

    public var description: String {
        switch self {
        case .portInUse(let host, let port):
            "Port \(port) of \(host) is in use by another program; stop that one or choose another with --port."
        case .portForbidden(let host, let port):
            "Port \(port) of \(host) needs rights that this user lacks; choose one above 1023 with --port."
        case .addressUnavailable(let host, let reason):
            "Cannot listen on '\(host)': \(reason); give an address of this machine with --host, such as 127.0.0.1."
        case .badCertificate(let path, let reason): "'\(path)' cannot be used for TLS: \(reason)."
        }
    }
}
