import ByteText

/// An object in a bucket, as `s3://bucket/key` or `s3://profile@bucket/key` names it.
///
/// Names are compared by their bytes. The profile says which service holds the bucket: see ``S3Services``. A bucket of a Ceph tenant is `tenant:bucket`.
public struct S3Location: Hashable, Sendable {
    public let profile: String?
    public let bucket: String
    /// Not quoted, without a slash at its beginning; all else counts, also repeated slashes and dots, as in
    /// `lsst.resources`.
    public let key: String

    public static func == (a: S3Location, b: S3Location) -> Bool {
        a.bucket.hasSameBytes(as: b.bucket) && a.key.hasSameBytes(as: b.key) && a.profile == b.profile
    }

    public func hash(into hasher: inout Hasher) {
        bucket.hashBytes(into: &hasher)
        key.hashBytes(into: &hasher)
    }

    /// For messages.
    var path: String { "s3://\(bucket)/\(key)" }

    public init(profile: String? = nil, bucket: String, key: String) {
        self.profile = profile
        self.bucket = bucket
        self.key = key
    }

    /// - Throws: ``S3Error/badLocation(uri:)`` for another scheme and for a URI without bucket or key.
    public init(_ uri: ResourceURI) throws(S3Error) {
        guard let (profile, bucket) = Self.authority(of: uri), case let key = Self.key(of: uri), !key.isEmpty else {
            throw .badLocation(uri: uri.description)
        }
        self.init(profile: profile, bucket: bucket, key: key)
    }

    /// Profile and bucket of a location; `nil` for another scheme and without a bucket.
    static func authority(of uri: ResourceURI) -> (profile: String?, bucket: String)? {
        var bucket = Substring(uri.authority)
        var profile: String?
        if let at = bucket.lastIndex(of: "@") {
            // What follows a colon would be a password, which no profile has.
            let name = bucket[..<at].prefix { $0 != ":" }
            profile = name.isEmpty ? nil : PercentQuoting.unquote(String(name))
            bucket = bucket[bucket.index(after: at)...]
        }
        guard uri.scheme == "s3" || uri.scheme == "gs", !bucket.isEmpty else { return nil }
        return (profile, String(bucket))
    }

    static func key(of uri: ResourceURI) -> String {
        uri.path.withoutFirstSlashes
    }
}
