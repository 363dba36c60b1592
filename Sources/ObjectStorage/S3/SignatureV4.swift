import ByteText
import Crypto
import Synchronization

/// Signatures of version 4 of requests to AWS services.
/// Source: AWS reference, "Authenticating requests: AWS Signature Version 4".
struct SignatureV4: Sendable {
    static let algorithm = "AWS4-HMAC-SHA256"
    static let unsignedPayload = "UNSIGNED-PAYLOAD"

    let credentials: S3Credentials
    let region: String
    var service = "s3"
    var dayKey = DayKey()

    /// The key that signatures are made with, which holds for a day.
    final class DayKey: Sendable {
        private struct Name: Equatable {
            let secret: String
            let day: Substring
            let region: String
            let service: String
        }

        private let last = Mutex<(name: Name, code: HMAC<SHA256>)?>(nil)

        /// An authentication code that has taken in the key and no text yet.
        fileprivate func code(_ signature: SignatureV4, day: Substring) -> HMAC<SHA256> {
            let name = Name(
                secret: signature.credentials.secretAccessKey, day: day, region: signature.region,
                service: signature.service)
            return last.withLock { last in
                if let last, last.name == name { return last.code }
                var key = Array("AWS4\(name.secret)".utf8)
                for part in [String(day), name.region, name.service, "aws4_request"] {
                    key = Array(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: key)))
                }
                let code = HMAC<SHA256>(key: SymmetricKey(data: key))
                last = (name, code)
                return code
            }
        }
    }

    /// A request in the terms of its signature.
    struct Request: Sendable {
        var method = "GET"
        /// Quoted, and never normalised.
        var path: String
        /// Names and values, not quoted.
        var query: [(name: String, value: String)] = []
        /// Names in lower case. All are signed.
        var headers: [(name: String, value: String)]
        /// Hexadecimal SHA-256 digest of the body, or ``SignatureV4/unsignedPayload``.
        var payloadHash = SignatureV4.unsignedPayload

        /// The signed headers, as signatures list them.
        var headerNames: String { headers.map(\.name).sorted().joined(separator: ";") }

        var canonical: String {
            let headers = headers.sorted { $0.name < $1.name }
            var text = ""
            text.reserveCapacity(512)
            func add(_ part: String, _ end: String) {
                text += part
                text += end
            }
            add(method, "\n")
            add(path, "\n")
            if !query.isEmpty {
                var pairs = query.map {
                    (name: PercentQuoting.quoteAll($0.name), value: PercentQuoting.quoteAll($0.value))
                }
                pairs.sort { $0.name != $1.name ? $0.name < $1.name : $0.value < $1.value }
                text += pairs.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
            }
            text += "\n"
            for (name, value) in headers {
                add(name, ":")
                add(Self.withSingleBlanks(value), "\n")
            }
            text += "\n"
            add(headers.map(\.name).joined(separator: ";"), "\n")
            text += payloadHash
            return text
        }

        /// Without blanks at the ends, and with single ones within. Most values are so already.
        private static func withSingleBlanks(_ value: String) -> String {
            let blank = UInt8(ascii: " ")
            var last = blank
            for byte in value.utf8 {
                if byte == blank, last == blank { return value.split(separator: " ").joined(separator: " ") }
                last = byte
            }
            return last == blank ? value.split(separator: " ").joined(separator: " ") : value
        }
    }

    /// - Parameter date: `20130524T000000Z`.
    func scope(_ date: String) -> String { "\(date.prefix(8))/\(region)/\(service)/aws4_request" }

    func stringToSign(_ request: Request, date: String) -> String {
        "\(Self.algorithm)\n\(date)\n\(scope(date))\n"
            + Self.digest(request.canonical)
    }

    /// In hexadecimal digits.
    func signature(of request: Request, date: String) -> String {
        var code = dayKey.code(self, day: date.prefix(8))
        var text = stringToSign(request, date: date)
        text.withUTF8 { code.update(data: UnsafeRawBufferPointer($0)) }
        return code.finalize().withUnsafeBytes { Hexadecimal.encode($0) }
    }

    /// The SHA-256 digest of a text, in hexadecimal digits.
    private static func digest(_ text: String) -> String {
        var (text, hash) = (text, SHA256())
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize().withUnsafeBytes { Hexadecimal.encode($0) }
    }

    /// The value of the header `Authorization`.
    func authorization(_ request: Request, date: String) -> String {
        "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope(date)), "
            + "SignedHeaders=\(request.headerNames), Signature=\(signature(of: request, date: date))"
    }

    /// The query of a URL for reading or writing an object.
    ///
    /// - Parameter lifetime: seconds.
    func query(
        _ access: SignedAccess = .get, _ address: S3ObjectAddress, date: String, lifetime: Int64
    ) -> String {
        var request = Request(method: access.rawValue, path: address.path, headers: [("host", address.host)])
        request.query = [
            ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope(date))"),
            ("X-Amz-Date", date), ("X-Amz-Expires", String(lifetime)), ("X-Amz-SignedHeaders", request.headerNames),
        ]
        if let token = credentials.sessionToken { request.query.append(("X-Amz-Security-Token", token)) }
        let parameters = request.query + [("X-Amz-Signature", signature(of: request, date: date))]
        return parameters.map { "\($0)=\(PercentQuoting.quoteAll($1))" }.joined(separator: "&")
    }
}
