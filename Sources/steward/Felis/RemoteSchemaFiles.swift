import AsyncHTTPClient
import Felis
import NIOCore

/// Reads schema files from web servers too.
struct RemoteSchemaFiles: SchemaFiles {
    private let local = LocalSchemaFiles()

    /// Seconds that a server may take for a whole file.
    private static let timeout: Int64 = 30

    func read(_ location: SchemaLocation) async throws -> [UInt8] {
        guard location.scheme == "http" || location.scheme == "https" else { return try await local.read(location) }
        let request = HTTPClientRequest(url: location.text)
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(Self.timeout))
            guard response.status == .ok else {
                throw SchemaFileError.unreadable(location.text, reason: "the server answers \(response.status)")
            }
            let body = try await response.body.collect(upTo: LocalSchemaFiles.sizeLimit)
            return Array(body.readableBytesView)
        } catch let error as SchemaFileError {
            throw error
        } catch is NIOTooManyBytesError {
            throw SchemaFileError.unreadable(
                location.text, reason: "it has more than \(LocalSchemaFiles.sizeLimit) bytes, the limit for a schema")
        } catch {
            throw SchemaFileError.unreadable(location.text, reason: "\(error)")
        }
    }
}
