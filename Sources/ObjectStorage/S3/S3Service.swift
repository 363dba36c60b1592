/// An S3 service: where it is, and with which keys it is used.
public struct S3Service: Hashable, Sendable {
    /// `scheme://host[:port][/path]` without a slash at the end; `nil` stands for AWS itself.
    public let endpoint: String?
    public let region: String
    public let credentials: S3Credentials
    /// The endpoint in its parts.
    private let base: Base?

    private struct Base: Hashable {
        /// With `://`.
        let scheme: String
        let host: String
        let path: String

        init(_ endpoint: String) {
            let start = endpoint.firstRange(of: "://").map(\.upperBound) ?? endpoint.startIndex
            let slash = endpoint[start...].firstIndex(of: "/") ?? endpoint.endIndex
            scheme = String(endpoint[..<start])
            host = String(endpoint[start..<slash])
            path = String(endpoint[slash...])
        }
    }

    public init(endpoint: String?, region: String = "us-east-1", credentials: S3Credentials) {
        self.endpoint = endpoint
        base = endpoint.map(Base.init)
        self.region = region
        self.credentials = credentials
    }

    /// The address of an object, without query.
    ///
    /// Buckets of AWS are part of the host name where they can be; elsewhere they are the first part of the path.
    func address(of location: S3Location) -> S3ObjectAddress {
        let key = PercentQuoting.quote(location.key)
        let bucket = PercentQuoting.quote(location.bucket)
        if let base {
            let resource = "/\(bucket)/\(key)"
            return S3ObjectAddress(
                scheme: base.scheme, host: base.host, path: base.path + resource, resource: resource)
        }
        let isHostName = Self.isHostName(location.bucket)
        let isChina = region.hasPrefix("cn-")
        // As boto3 spells hosts: only where it matters do they name the region.
        let namesRegion = isChina || !isHostName && region != "us-east-1" && region != "aws-global"
        return S3ObjectAddress(
            scheme: "https://",
            host: (isHostName ? bucket + "." : "") + (namesRegion ? "s3.\(region)" : "s3") + ".amazonaws.com"
                + (isChina ? ".cn" : ""),
            path: isHostName ? "/\(key)" : "/\(bucket)/\(key)", resource: "/\(bucket)/\(key)")
    }

    /// Whether a bucket's name can be one label of a host name. Dots would not match the certificate.
    private static func isHostName(_ bucket: String) -> Bool {
        let bytes = bucket.utf8
        func isLetterOrDigit(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
        guard (3...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
        return isLetterOrDigit(first) && isLetterOrDigit(last)
            && bytes.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    }
}

/// The parts of an object's URL. All but the scheme are quoted.
struct S3ObjectAddress {
    /// With `://`.
    let scheme: String
    /// With the port, if it has one.
    let host: String
    let path: String
    /// What signatures of version 2 cover instead of the path: bucket and key, wherever the bucket appears in the URL.
    let resource: String
}
