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
        let tooLarge = HTTPFailure(.contentTooLarge, "The request body has more than \(limit) bytes.")
        if let announced = headers[.contentLength].flatMap({ Int($0) }), announced > limit { throw tooLarge }
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
        do {
            return try StructuredValue(json: buffer.readableBytesView, maximumDepth: Self.maximumDepth)
        } catch {
            throw ValidationFailure(.init("json_invalid", ["body"], "JSON decode error: \(error)"))
        }
    }

    /// Requests nest a few levels deep; a limit protects the stack.
    private static let maximumDepth = 128

    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }
}
