import StructuredData

/// A request that does not have the form its route asks for: status 422 with a list of complaints.
///
/// The body has the shape that FastAPI gives to such errors, which clients of those services expect.
public struct ValidationFailure: Error, Equatable, CustomStringConvertible {
    public struct Complaint: Sendable, Equatable {
        /// A word for the kind of complaint, such as `missing`.
        public let type: String
        /// Where: `body`, `query`, `path` or `header`, then keys and positions.
        public let location: [Step]
        public let message: String

        public init(_ type: String, _ location: [Step], _ message: String) {
            self.type = type
            self.location = location
            self.message = message
        }
    }

    /// One step on the way to an offending value.
    public enum Step: Sendable, Equatable, ExpressibleByStringLiteral {
        case key(String)
        case index(Int)

        public init(stringLiteral value: String) { self = .key(value) }
    }

    public let complaints: [Complaint]

    public init(_ complaints: Complaint...) { self.complaints = complaints }

    public var description: String { complaints.map(\.message).joined(separator: "; ") }

    var document: StructuredValue {
        let list = complaints.map { complaint in
            let location = complaint.location.map { step -> StructuredValue in
                switch step {
                case .key(let key): .string(key)
                case .index(let index): .int(Int64(index))
                }
            }
            return StructuredValue.object([
                "type": .string(complaint.type), "loc": .array(location), "msg": .string(complaint.message),
            ])
        }
        return .object(["detail": .array(list)])
    }
}
