/// Why an object in a bucket cannot be addressed. No text holds a secret.
public enum S3Error: Error, Hashable, Sendable, CustomStringConvertible {
    case badLocation(uri: String)
    case badEndpoint(variable: String)
    case noCredentials(profile: String?)
    case unknownProfile(String)
    /// AWS allows URLs that are valid for one second to seven days.
    case badLifetime(seconds: Int64)

    public var description: String {
        switch self {
        case .badLocation(let uri): "'\(uri)' does not name an object in a bucket; it should look like s3://bucket/key"
        case .badEndpoint(let variable):
            "environment variable \(variable) is not the address of a storage service; it should look like "
                + "https://host:port or https://KEY:SECRET@host:port, with slashes in the keys written as %2F"
        case .noCredentials(let profile):
            "there are no credentials for S3 storage\(profile.map { " of profile '\($0)'" } ?? ""); set "
                + "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or enter them in the credentials file"
        case .unknownProfile(let profile):
            "S3 profile '\(profile)' is not known; set LSST_RESOURCES_S3_PROFILE_\(profile) to "
                + "https://KEY:SECRET@host, or enter the profile in the credentials file"
        case .badLifetime(let seconds):
            "a signed URL cannot be valid for \(seconds) seconds; choose from 1 to 604800 (seven days)"
        }
    }
}
