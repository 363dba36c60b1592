import NIOCore

/// What a connection speaks, by its first bytes: a method of HTTP, or else a line.
enum ConnectionSpeech {
    case http, line

    private static let methods: [[UInt8]] = [
        "GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ",
    ].map { Array($0.utf8) }

    /// - Parameter received: all that has come so far. `nil` as long as a method may yet come.
    init?(_ received: ByteBufferView) {
        // Paths of files, which begin with a slash, need no comparison.
        let first = received.first ?? UInt8(ascii: "G")
        for method in Self.methods where method[0] == first {
            let start = received.prefix(method.count)
            guard start.elementsEqual(method.prefix(start.count)) else { continue }
            guard start.count == method.count else { return nil }
            self = .http
            return
        }
        guard !received.isEmpty else { return nil }
        self = .line
    }
}
