import AsyncHTTPClient
import ByteText
import Foundation
public import ObjectStorage
import Serving
import Synchronization

/// Caches near the readers, in front of distant stores, whose URLs a server hands out instead of those of the stores.
///
/// A cache is preferred while it answers `GET /-/health`; it is asked at most every ten seconds, besides requests, so
/// nobody waits for that. One that does not answer is left out until it does.
public final class NearCopies: Sendable {
    /// A cache in front of a folder.
    public struct Rule: Sendable, Hashable {
        /// The distant folder.
        public var origin: ResourceURI
        /// The base URL of the cache, with a slash at the end.
        public var address: String

        public init(origin: ResourceURI, address: String) {
            self.origin = origin.asDirectory
            self.address = address.withFinalSlash
        }
    }

    private struct Health {
        var isUp = false
        var asked: ContinuousClock.Instant?
    }

    private static let interval = Duration.seconds(10)

    /// The longest origins first.
    private let rules: [Rule]
    private let signer: PathSigner?
    private let health: Mutex<[Health]>

    /// - Parameter secret: what the caches check signatures with; `nil` when they check none.
    public init(_ rules: [Rule], secret: [UInt8]?) {
        self.rules = rules.sorted { $0.origin.description.utf8.count > $1.origin.description.utf8.count }
        signer = secret.map { PathSigner(secret: $0, purpose: PathSigner.nearCopies) }
        health = Mutex(Array(repeating: Health(), count: rules.count))
    }

    /// The secret in a file: its first line. Blocks.
    ///
    /// - Throws: ``ServeError/badFile(path:reason:)``.
    public static func secret(readingFrom path: String) throws -> [UInt8] {
        let text = try SmallFile.text(path)?.split(whereSeparator: \.isNewline).first.map { Array($0.utf8) } ?? []
        guard text.count >= 16 else {
            throw ServeError.badFile(path: path, reason: "must hold a secret of at least 16 characters in one line")
        }
        return text
    }

    /// Where the near copy of a file is read; `nil` for a file that no cache has, and while its cache is away.
    ///
    /// - Parameter expires: seconds since 1970.
    func url(of location: ResourceURI, expires: Int64) -> String? {
        for (index, rule) in rules.enumerated() {
            // A cache has what is below its origin, by normalised paths and without queries.
            guard location.query.isEmpty, location == location.normalized,
                let path = location.withoutFragment.relativePath(to: rule.origin), path != ".",
                (try? ObjectPath(path)) != nil
            else { continue }
            guard isUp(index) else { return nil }
            let quoted = path.partsOfPath.map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
            let query = signer.map { "?" + $0.query(for: path, expires: expires) } ?? ""
            return rule.address + quoted + query
        }
        return nil
    }

    /// Asks all caches, so that the first readers are led to them already.
    func prepare() async {
        await withTaskGroup(of: Void.self) { group in
            for index in rules.indices { group.addTask { await self.ask(index) } }
        }
    }

    private func isUp(_ index: Int) -> Bool {
        let (isUp, isDue) = health.withLock { health in
            let now = ContinuousClock.now
            let isDue = health[index].asked.map { now - $0 > Self.interval } ?? true
            if isDue { health[index].asked = now }
            return (health[index].isUp, isDue)
        }
        if isDue { Task { await ask(index) } }
        return isUp
    }

    private func ask(_ index: Int) async {
        let isUp: Bool
        do {
            let answer = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: rules[index].address + "-/health"), timeout: .seconds(5))
            isUp = answer.status == .ok
        } catch { isUp = false }
        health.withLock { health in
            health[index].isUp = isUp
            health[index].asked = ContinuousClock.now
        }
    }
}
