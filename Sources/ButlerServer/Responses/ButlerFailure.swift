import ButlerModel
import Database
import HTTPTypes
import Hummingbird
import Serving
import StructuredData

/// The responses to errors that a request's user can act on. Source: remote Butler protocol reference, section 3.5.
enum ButlerFailure {
    /// Status 422 with `error_type` and `detail`; `nil` for errors of the server or of the repository.
    static func response(to error: any Error) -> Response? {
        parts(of: error).map { response(type: $0.type, detail: $0.detail) }
    }

    /// `error_type` and `detail`; `nil` for errors of the server or of the repository.
    static func parts(of error: any Error) -> (type: String, detail: String)? {
        switch error {
        case let failure as ButlerError where failure.kind != .malformedModel:
            // Malformed requests are reported while they are decoded; what arrives here is malformed in the repository.
            (failure.kind.rawValue, failure.message)
        case let failure as StreamLimitExceeded: ("query_limit", QueryLimits.explanation(failure))
        case let failure as TooManyRows: ("query_limit", failure.description)
        case DatabaseError.numberOutOfRange:
            ("invalid_query", "A calculation in the query exceeds the range of numbers of the database; use smaller ones.")
        case let failure as DatabaseError where failure == .unstorableText: ("invalid_query", failure.description)
        case DatabaseError.unknownCharacter:
            ("invalid_query", "A text in the query holds a character that the encoding of the database lacks; leave it out.")
        case DatabaseError.statementFailed(reason: let reason, statement: "", _) where reason.hasPrefix("the server ended it"):
            (
                "query_limit",
                "The database ended the query, because of its own limit on time (statement_timeout) or because its administrator "
                    + "did; ask for less, or ask the administrator."
            )
        case let failure as UnservableFile: ("unservable_file", failure.description)
        default: nil
        }
    }

    private static func response(type: String, detail: String) -> Response {
        .json(.object(["error_type": .string(type), "detail": .string(detail)]), status: .unprocessableContent)
    }
}

/// A file of which this server cannot hand out a URL. The Python client shows the text.
struct UnservableFile: Error, CustomStringConvertible {
    let scheme: String

    var description: String {
        "The files of this dataset are in '\(scheme)' storage, for which this server cannot hand out URLs that its clients "
            + "may use; open the repository directly instead."
    }
}
