import ButlerModel
import ByteText
import HTTPTypes
import Hummingbird
import ObjectStorage
import Serving

/// Makes the URLs under which clients read files. Source: remote Butler protocol reference, section 9.2.
public struct FileURLs: Sendable {
    let authentication: ClientAuthentication
    let signer: DownloadSigner
    private let storage: S3Presigner
    /// How long URLs of storage services are valid, in seconds.
    private let lifetime: Int64
    private let near: NearCopies?

    public init(
        authentication: ClientAuthentication = .rubinSciencePlatform, signer: DownloadSigner = DownloadSigner(),
        storage: S3Presigner = S3Presigner(.none), near: NearCopies? = nil
    ) {
        self.authentication = authentication
        self.signer = signer
        self.storage = storage
        self.near = near
        lifetime = signer.lifetime
    }

    /// The credentials that a client sends along.
    enum Credentials: String {
        case none
        /// Those for this server.
        case gafaelfawr
        /// Those for the file's host.
        case datastore
    }

    /// The credentials for URLs of this server are those for its other routes. Signed ones work without, but an ingress
    /// may look for credentials all the same.
    var ownCredentials: Credentials { authentication == .cadc ? .none : .gafaelfawr }

    /// Where a file outside of this machine is read. Nothing is asked of its host, but keys to it may be asked for where
    /// the environment has them handed out.
    ///
    /// - Throws: ``UnservableFile`` for schemes that clients refuse or that cannot be signed; `S3Error`,
    ///   `ObjectStorageError`.
    func external(_ file: ServedFile) async throws -> (url: String, credentials: Credentials) {
        // Clients of the mode `cadc` bring credentials for the file's own host.
        if authentication != .cadc, let url = near?.url(of: file.location, expires: signer.now() + lifetime) {
            return (url + file.urlFragment, .none)
        }
        switch file.location.scheme {
        // Those of WebDAV servers are read over HTTP; clients know no other name for that.
        case "http", "https", "dav", "davs":
            let address = file.location.description
            let url = address.hasPrefix("dav") ? "http" + address.dropFirst(3) : address
            return (url, authentication == .cadc ? .datastore : .none)
        // Clients of this mode have their own credentials, for http(s) only.
        case "s3" where authentication != .cadc, "gs" where authentication != .cadc:
            let url = try await storage.url(.get, of: file.location, for: lifetime, at: signer.now())
            return (url + file.urlFragment, .none)
        case let scheme: throw UnservableFile(scheme: scheme)
        }
    }
}

extension ServedFile {
    var isLocal: Bool { location.scheme == "file" }

    /// Whether it is a zip file that holds what the viewer may not see, so that nobody else may hand it out.
    var mustBeCut: Bool { zip?.isComplete == false }

    /// The fragment with its `#`, made fit for a URL; escapes that are there stay.
    var urlFragment: String {
        guard !location.fragment.isEmpty else { return "" }
        return "#"
            + location.fragment.split(separator: "=", omittingEmptySubsequences: false)
            .map { part in
                String(part).partsOfPath
                    .map { $0.contains("%") ? String($0) : PercentEncoding.encode($0) }.joined(separator: "/")
            }
            .joined(separator: "=")
    }
}
