import Datastore
import ObjectStorage
import RepositoryConfiguration

/// Configurations of repositories that are kept in storage services, such as `s3://bucket/repository/butler.yaml`.
///
/// Addresses with `http` and `https` are those of Butler servers, and are not read.
struct StoredConfigurations: RemoteConfigurationReader {
    func reads(scheme: String) -> Bool { ["s3", "gs", "dav", "davs"].contains(scheme) }

    func contents(ofURL url: String) async throws -> [UInt8]? {
        let (store, path) = try RemoteStores.process.place(of: try ResourceURI(url))
        do {
            return try await store.read(path)
        } catch ObjectStorageError.notFound { return nil }
    }
}
