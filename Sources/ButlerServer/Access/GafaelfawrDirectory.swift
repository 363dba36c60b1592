import AsyncHTTPClient
public import ButlerModel
import ByteText
import NIOCore
import NIOHTTP1
import StructuredData

/// Asks the authentication service of the Rubin Science Platform for the groups of the user whom a token stands for.
/// Source: remote Butler protocol reference, section 5.1.
///
/// Every call asks anew: see ``RememberedGroups``. ``shutdown()`` must be called once.
public final class GafaelfawrDirectory: GroupDirectory {
    private let url: String
    private let client: HTTPClient
    private let timeout: TimeAmount
    private static let largestAnswer = 1 << 20

    /// - Parameters:
    ///   - url: the base URL, such as `https://data.example.org/auth`.
    ///   - timeout: for one request with its retries of connections.
    public init(url: String, timeout: Duration = .seconds(20)) {
        self.url = url.last == "/" ? String(url.dropLast()) : url
        let seconds = max(1, timeout.components.seconds)
        self.timeout = .seconds(seconds)
        var configuration = HTTPClient.Configuration()
        // A token goes to the configured host only.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(min(5, seconds))
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    public func shutdown() async throws { try await client.shutdown() }

    public func groups(of identity: DelegatedIdentity) async throws -> Set<ExactName> {
        var request = HTTPClientRequest(url: "\(url)/api/v1/user-info")
        request.headers.add(name: "Authorization", value: "Bearer \(identity.token)")
        request.headers.add(name: "Accept", value: "application/json")
        let status: UInt
        let body: ByteBuffer
        do {
            let response = try await client.execute(request, timeout: timeout)
            status = response.status.code
            body = try await response.body.collect(upTo: Self.largestAnswer)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw GroupLookupError.unavailable("\(url) does not answer: \(error)")
        }
        switch status {
        case 200..<300: return try Self.groups(in: body, of: identity)
        case 401, 403: throw GroupLookupError.refused("\(url) does not accept the token of user '\(identity.user)'")
        default: throw GroupLookupError.unavailable("\(url) answers with status \(status)")
        }
    }

    private static func groups(in body: ByteBuffer, of identity: DelegatedIdentity) throws -> Set<ExactName> {
        guard let answer = try? StructuredValue(json: body.readableBytesView), answer.objectValue != nil,
            let name = answer["username"]?.stringValue
        else { throw GroupLookupError.unavailable("the answer is not one about a user") }
        guard name.hasSameBytes(as: identity.user) else {
            throw GroupLookupError.refused("the token of user '\(identity.user)' is that of '\(name)'")
        }
        switch answer["groups"] {
        case nil, .null: return []
        case let list?:
            guard let items = list.arrayValue else { throw GroupLookupError.unavailable("the groups are no list") }
            return Set(items.compactMap { $0["name"]?.stringValue.map { ExactName($0) } })
        }
    }
}
