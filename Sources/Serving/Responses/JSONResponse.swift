public import HTTPTypes
public import Hummingbird
import NIOCore
public import StructuredData

extension Response {
    /// A compact JSON document in UTF-8.
    public static func json(
        _ value: StructuredValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.value(value)
        return json(encoded: writer.bytes, status: status, headers: headers)
    }

    /// A JSON document that is already encoded.
    public static func json(
        encoded bytes: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
