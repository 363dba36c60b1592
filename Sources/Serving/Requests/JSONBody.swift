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

    /// The body, or a 413 when it is longer than `limit`: at once, when the head says so.
    ///
    /// Many clients read no answer before they have sent all. The connection throws the rest away for them, within
    /// reason: see `ConnectionGuard`.
    private func collected(limit: Int) async throws -> ByteBuffer {
        let failure = HTTPFailure(.contentTooLarge, "The request body has more than \(limit) bytes.")
        if let stated = headers[.contentLength].flatMap({ Int($0) }), stated > limit { throw failure }
        var collected = ByteBuffer()
        for try await var part in body {
            guard collected.readableBytes + part.readableBytes <= limit else { throw failure }
            collected.writeBuffer(&part)
        }
        return collected
    }

    /// Requests nest a few levels deep; a limit protects the stack.
    private static let maximumDepth = 128

    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }
}
