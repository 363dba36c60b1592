/// An object in a bucket, as `s3://bucket/key` or `s3://profile@bucket/key` names it.
///
/// The profile says which service holds the bucket: see ``S3Services``. A bucket of a Ceph tenant is `tenant:bucket`.
public struct S3Location: Hashable, Sendable {
    public let profile: String?
    public let bucket: String
    /// Not quoted, without a slash at its beginning. Repeated slashes count as one, as in `lsst.resources`.
    public let key: String

    public init(profile: String? = nil, bucket: String, key: String) {
        self.profile = profile
        self.bucket = bucket
        self.key = key
    }

    /// - Throws: ``S3Error/badLocation(uri:)`` for another scheme and for a URI without bucket or key.
    public init(_ uri: ResourceURI) throws(S3Error) {
        var bucket = Substring(uri.authority)
        profile = bucket.lastIndex(of: "@").flatMap { at in
            defer { bucket = bucket[bucket.index(after: at)...] }
            // What follows a colon would be a password, which no profile has.
            let name = bucket[..<at].prefix { $0 != ":" }
            return name.isEmpty ? nil : PercentQuoting.unquote(String(name))
        }
        key = uri.path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        guard uri.scheme == "s3", !bucket.isEmpty, !key.isEmpty else { throw .badLocation(uri: uri.description) }
        self.bucket = String(bucket)
    }
}
