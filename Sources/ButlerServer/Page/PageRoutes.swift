import ButlerPage
import HTTPTypes
import Hummingbird
import NIOCore
import Serving
import StructuredData

/// The page for people, under `/ui` and, for hosts that are shared with other services, under `/api/butler/ui`; and what it
/// asks for beside the protocol.
extension ButlerRoutes {
    func addPage(to routes: ServiceRoutes) {
        for base in ["/ui", "/api/butler/ui"] {
            routes.add(.init(base), [.get: Self.handler(of: .document), .head: Self.handler(of: .document)])
            for part in PageAsset.parts {
                routes.add(.init("\(base)/\(part.name)"), [.get: Self.handler(of: part), .head: Self.handler(of: part)])
            }
        }
        addRepositoryList(to: routes)
        addDatasetTypeList(to: routes)
        addTextQueries(to: routes)
        addPreview(to: routes)
    }

    /// Browsers that ask for `/` are shown the page; programs get the health answer.
    static func isBrowser(_ request: Request) -> Bool {
        request.headers[.accept]?.split(separator: ",").contains { item in
            item.prefix { $0 != ";" }.filter { $0 != " " }.lowercased() == "text/html"
        } ?? false
    }

    private static func handler(of asset: PageAsset) -> RouteHandler {
        { request, _ in
            var headers: HTTPFields = [
                .eTag: asset.entityTag, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
                .contentSecurityPolicy: "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
                    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                .referrerPolicy: "no-referrer",
            ]
            let known = request.headers[.ifNoneMatch]?.split(separator: ",").contains { item in
                let tag = item.filter { $0 != " " }
                return tag == "*" || tag == asset.entityTag || tag == "W/" + asset.entityTag
            }
            if known == true { return Response(status: .notModified, headers: headers) }
            headers[.contentType] = asset.contentType
            guard request.method != .head else {
                headers[.contentLength] = String(asset.bytes.count)
                return Response(status: .ok, headers: headers)
            }
            return Response(
                status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: asset.bytes)))
        }
    }

    /// `GET ui/dataset_types`: all dataset types that exist for this user, and what the repository says of each.
    private func addDatasetTypeList(to routes: ServiceRoutes) {
        add("ui/dataset_types", [.get], to: routes) { call in
            let (types, _) = try await call.repository.readCatalog { try $0.datasetTypes(matching: ["*"]) }
            let items = types.map { type -> StructuredValue in
                let description = call.repository.description(ofDatasetType: type.name)
                return .object([
                    "dataset_type": type.wire, "description": description.map { .string($0) } ?? .null,
                ])
            }
            return .json(.object(["dataset_types": .array(items)]))
        }
    }

    /// `GET /api/butler/ui/repositories`: the labels that this user may use, and no others.
    private func addRepositoryList(to routes: ServiceRoutes) {
        routes.add(
            "/api/butler/ui/repositories",
            [
                .get: { request, _ in
                    let labels = try await access.labels(for: request, of: table, logger: logger)
                    return .json(["repositories": .strings(labels), "version": .string(ButlerServer.version)])
                }
            ])
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = HTTPField.Name("Referrer-Policy") ?? .userAgent
}
