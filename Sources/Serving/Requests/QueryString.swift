public import Hummingbird

/// The parameters after the `?` of a request.
public struct QueryString: Sendable {
    private let pairs: [(name: String, value: String)]

    /// - Throws: ``ValidationFailure`` for text that is not percent-encoded UTF-8.
    public init(_ request: Request) throws(ValidationFailure) {
        try self.init(request.uri.query ?? "")
    }

    public init(_ text: String) throws(ValidationFailure) {
        var pairs: [(String, String)] = []
        for part in text.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(halves[0], plusIsSpace: true),
                let value = halves.count == 2 ? PercentEncoding.decode(halves[1], plusIsSpace: true) : ""
            else {
                throw ValidationFailure(.init("string_unicode", ["query"], "Input should be percent-encoded UTF-8"))
            }
            pairs.append((name, value))
        }
        self.pairs = pairs
    }

    /// The value of a parameter; of the last one when it is repeated.
    public subscript(name: String) -> String? { pairs.last { $0.name == name }?.value }

    public func required(_ name: String) throws(ValidationFailure) -> String {
        guard let value = self[name] else {
            throw ValidationFailure(.init("missing", ["query", .key(name)], "Field required"))
        }
        return value
    }

    /// A truth value in the spellings 1/0, true/false, t/f, yes/no, y/n and on/off, in any case.
    public func flag(_ name: String, default fallback: Bool = false) throws(ValidationFailure) -> Bool {
        switch self[name]?.lowercased() {
        case nil: return fallback
        case "1", "true", "t", "yes", "y", "on": return true
        case "0", "false", "f", "no", "n", "off": return false
        default:
            throw ValidationFailure(
                .init(
                    "bool_parsing", ["query", .key(name)],
                    "Input should be a valid boolean, unable to interpret input"))
        }
    }
}
