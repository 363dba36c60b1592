import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// Turns whatever a handler throws into a response, so that nothing internal reaches a client.
struct FailureMiddleware: RouterMiddleware {
    typealias Context = ServingContext

    let logger: Logger
    let translate: @Sendable (any Error) -> Response?

    func handle(
        _ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let response = self.response(to: error, request: request, context: context)
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    private func response(to error: any Error, request: Request, context: ServingContext) -> Response {
        if let response = translate(error) { return response }
        switch error {
        case let failure as HTTPFailure:
            return .json(.object(["detail": .string(failure.detail)]), status: failure.status, headers: failure.headers)
        case let failure as ValidationFailure:
            return .json(failure.document, status: .unprocessableContent)
        case let failure as HTTPError where failure.status == .notFound:
            return .json(["detail": "Not Found"], status: .notFound)
        case let failure as any HTTPResponseError where (400..<500).contains(failure.status.code):
            return .json(.object(["detail": .string(failure.status.reasonPhrase)]), status: failure.status)
        case let error where RequestViolation(error) != nil:
            let violation = RequestViolation(error) ?? RequestViolation(.badRequest, "")
            return .json(
                .object(["detail": .string(violation.detail)]), status: violation.status,
                headers: [.connection: "close"])
        case is CancellationError, HTTPParserError.invalidEOFState, is ChannelError:
            // The client has gone, or the server is stopping; the number is the one that proxies log for it.
            return Response(status: .init(code: 499, reasonPhrase: "Client Closed Request"))
        default:
            logger.error(
                "request failed",
                metadata: RequestLogMiddleware.identity(of: request, context).merging(
                    ["error": "\(error)", "error_type": "\(type(of: error))"], uniquingKeysWith: { $1 }))
            return Response(
                status: .internalServerError, headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: "Internal Server Error")))
        }
    }
}
