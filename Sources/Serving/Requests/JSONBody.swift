public import Hummingbird
import NIOCore
public import StructuredData

extension Request {
    /// The JSON document in the body.
    ///
    /// - Parameter limit: the largest body accepted, in bytes; nothing beyond it is kept in memory.
    /// - Throws: ``HTTPFailure`` 413 for a longer body; ``ValidationFailure`` when the content type is not JSON or the
    ///   body is not a JSON document.
    public func jsonDocument(limit: Int) async throws -> StructuredValue {
        guard headers[.contentType].map(Self.isJSON) == true else {
            throw ValidationFailure(
                .init("model_attributes_type", ["body"], "Send a JSON document with content type application/json"))
        }
        let buffer = try await collected(limit: limit)
        do {
            return try StructuredValue(json: buffer.readableBytesView, maximumDepth: Self.maximumDepth)
        } catch {
            throw ValidationFailure(.init("json_invalid", ["body"], "JSON decode error: \(error)"))
        }
    }

    /// The body, or a 413 when it is longer than `limit`.
    ///
    /// Many clients read no answer before they have sent all, and a connection that is to close after the answer reads no
    /// more. So the rest is thrown away first, unless it is too much even for that, or the client waits for a word.
    private func collected(limit: Int) async throws -> ByteBuffer {
        let failure = HTTPFailure(.contentTooLarge, "The request body has more than \(limit) bytes.")
        let stated = headers[.contentLength].flatMap { Int($0) } ?? 0
        if stated > limit, stated > Self.mostThrownAway || headers[.expect] != nil { throw failure }
        var collected = ByteBuffer()
        var count = 0
        for try await var part in body {
            count += part.readableBytes
            guard count <= max(limit, Self.mostThrownAway) else { throw failure }
            if max(count, stated) <= limit {
                collected.writeBuffer(&part)
            } else {
                collected = ByteBuffer()
            }
        }
        guard count <= limit else { throw failure }
        return collected
    }

    private static let mostThrownAway = 64 << 20

    /// Requests nest a few levels deep; a limit protects the stack.
    private static let maximumDepth = 128

    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }
}
