import AsyncHTTPClient
import NIOCore

/// Fetches a key set from a URL. ``shutdown()`` must be called once.
final class KeySetDownload: Sendable {
    private let url: String
    private let client: HTTPClient
    private static let largest = 1 << 20

    init(url: String) {
        self.url = url
        var configuration = HTTPClient.Configuration()
        // Keys come from the configured host only.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func shutdown() async throws { try await client.shutdown() }

    func keys() async throws -> TokenKeys {
        let body: ByteBuffer
        do {
            let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(10))
            guard response.status == .ok else {
                throw TokenKeyError(reason: "\(url) answers with status \(response.status.code)")
            }
            body = try await response.body.collect(upTo: Self.largest)
        } catch let error where error is TokenKeyError || error is CancellationError {
            throw error
        } catch {
            throw TokenKeyError(reason: "\(url) does not answer: \(error)")
        }
        return try await TokenKeys(keySet: Array(body.readableBytesView))
    }
}
