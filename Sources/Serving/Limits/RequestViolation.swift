import HTTPTypes
import NIOHTTP1

/// A request that breaks the rules of HTTP. Its connection ends: what follows cannot be told apart any more.
struct RequestViolation: Error, Equatable {
    let status: HTTPResponse.Status
    let detail: String

    init(_ status: HTTPResponse.Status, _ detail: String) {
        self.status = status
        self.detail = detail
    }

    /// `nil` for errors that are no violations, such as a client that goes away.
    init?(_ error: any Error) {
        switch error {
        case let violation as RequestViolation: self = violation
        case HTTPParserError.invalidEOFState, HTTPParserError.closedConnection: return nil
        case HTTPParserError.headerOverflow:
            self.init(.requestHeaderFieldsTooLarge, "The head of the request is too large.")
        case HTTPParserError.invalidMethod: self.init(.notImplemented, "The request's method is not known.")
        case HTTPParserError.invalidChunkSize:
            self.init(.badRequest, "The request's body has a chunk of impossible size.")
        case HTTPParserError.invalidContentLength, HTTPParserError.unexpectedContentLength:
            self.init(.badRequest, "The length of the request's body is not stated clearly.")
        case is HTTPParserError: self.init(.badRequest, "The request is not valid HTTP.")
        default: return nil
        }
    }
}
