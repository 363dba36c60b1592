import CoreMetrics
import Foundation
import Hummingbird
import Logging
public import ObjectStorage
public import Serving

/// Serves the near copies over HTTP: `GET` and `HEAD` of `/<path below the distant root>`, with ranges and tags.
public struct EdgeCacheServer: Sendable {
    private let cache: EdgeCache
    private let options: ServingOptions
    private let signer: PathSigner?

    /// - Parameter secret: of the Butler servers whose URLs are honoured; `nil`: whoever reaches the port may read.
    public init(_ cache: EdgeCache, options: ServingOptions, secret: [UInt8]? = nil) {
        self.cache = cache
        self.options = options
        signer = secret.map { PathSigner(secret: $0, purpose: PathSigner.nearCopies) }
    }

    /// Serves until SIGTERM or SIGINT arrives.
    ///
    /// - Throws: `ServingError`.
    public func run(onReady: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        let (cache, signer) = (cache, signer)
        let service = HTTPService(name: "cache", options: options, translate: Self.translate) { routes in
            let registry = routes.metrics.registry
            for (name, read) in Self.counters {
                registry.observe("cache_\(name)", "Since the start; see `steward cache serve --help`.") {
                    read(cache.statistics)
                }
            }
            let metrics: RouteHandler = { _, _ in
                Response(
                    status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: registry.text())))
            }
            routes.add("/-/metrics", [.get: metrics])
            let health: RouteHandler = { _, _ in
                Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "ok\n")))
            }
            routes.add("/-/health", [.get: health])
            let read: RouteHandler = { request, _ in
                guard let text = PercentEncoding.decode(request.uri.path.drop { $0 == "/" }),
                    let path = try? ObjectPath(text)
                else { throw HTTPFailure.notFound }
                try signer?.check(path.description, try QueryString(request), now: Int64(Date().timeIntervalSince1970))
                guard let object = try await cache.open(path) else { throw HTTPFailure.notFound }
                let copy = FileExtract(
                    size: object.status.size, digest: object.tag, chunk: 1 << 20, bytes: object.bytes)
                return Response.extract(copy, for: request)
            }
            routes.add("/**", [.get: read, .head: read])
        }
        let tidying = Task {
            // Copies grow old also while nothing is fetched.
            while !Task.isCancelled {
                await cache.tidyIgnoringErrors()
                do { try await Task.sleep(for: .seconds(600)) } catch { return }
            }
        }
        defer { tidying.cancel() }
        try await service.run(onReady: onReady)
    }

    private static let counters: [(String, @Sendable (EdgeCache.Statistics) -> Double)] = [
        ("hits", { Double($0.hits) }), ("misses", { Double($0.misses) }), ("joined", { Double($0.joined) }),
        ("fetched_bytes", { Double($0.fetchedBytes) }), ("passed_bytes", { Double($0.passedBytes) }),
        ("kept_bytes", { Double($0.keptBytes) }), ("evicted", { Double($0.evicted) }),
        ("failures", { Double($0.failures) }),
    ]

    /// What the distant store's failures mean to those who read here. No text of theirs is shown.
    private static func translate(_ error: any Error) -> Response? {
        guard let error = error as? ObjectStorageError else { return nil }
        let status: HTTPResponse.Status =
            switch error {
            case .notFound: .notFound
            case .permissionDenied: .forbidden
            case _ where error.isTransient: .serviceUnavailable
            default: .badGateway
            }
        return Response(
            status: status, headers: status == .serviceUnavailable ? [.retryAfter: "5"] : [:],
            body: ResponseBody(
                byteBuffer: ByteBuffer(string: "{\"detail\": \"The distant store does not answer as it should.\"}")))
    }
}
