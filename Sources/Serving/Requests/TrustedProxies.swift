import Hummingbird
public import NIOCore

/// Peers that may say how the client reached them.
public struct TrustedProxies: Sendable, Equatable {
    private let addresses: Set<String>
    private let trustsAll: Bool

    /// IP addresses; `*` stands for every peer.
    public init(_ addresses: some Sequence<String>) {
        self.addresses = Set(addresses)
        trustsAll = self.addresses.contains("*")
    }

    public static let loopback = TrustedProxies(["127.0.0.1", "::1"])

    /// A comma-separated list, as in the environment variable `FORWARDED_ALLOW_IPS`.
    public init(list: String) {
        self.init(list.split(separator: ",").map { $0.filter { $0 != " " } })
    }

    public func contains(_ peer: SocketAddress?) -> Bool {
        if trustsAll { return true }
        guard let address = peer?.ipAddress else { return false }
        return addresses.contains(address)
    }
}
