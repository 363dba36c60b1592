import Datastore
import ObjectStorage
import RepositoryConfiguration

/// Configurations of repositories that are kept in storage services, such as `s3://bucket/repository/butler.yaml`.
///
/// Addresses with `http` and `https` are those of Butler servers, and are not read.
struct StoredConfigurations: RemoteConfigurationReader {
    func reads(scheme: String) -> Bool { ["s3", "gs", "dav", "davs"].contains(scheme) }

    func contents(ofURL url: String) async throws -> [UInt8]? {
        let location = try ResourceURI(url)
        let store = try RemoteStores.process.open(location.directory)
        do {
            return try await store.read(try ObjectPath(location.basename))
        } catch ObjectStorageError.notFound { return nil }
    }
}
