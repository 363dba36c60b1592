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
    /// The rest of a long body is read and thrown away, within reason: many clients read no answer before they have sent
    /// all, and would wait for ever.
    private func collected(limit: Int) async throws -> ByteBuffer {
        var collected = ByteBuffer()
        var length = 0
        for try await var part in body {
            length += part.readableBytes
            if length <= limit {
                collected.writeBuffer(&part)
            } else {
                collected = ByteBuffer()
                if length > Self.mostThrownAway { break }
            }
        }
        guard length <= limit else {
            throw HTTPFailure(.contentTooLarge, "The request body has more than \(limit) bytes.")
        }
        return collected
    }

    private static let mostThrownAway = 256 << 20

    /// Requests nest a few levels deep; a limit protects the stack.
    private static let maximumDepth = 128

    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }
}
