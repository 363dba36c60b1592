import AstroTime
import ButlerModel
import StructuredData

/// Why a text is not an expression, and where.
///
///     Failed to parse expression 'visit = = 5': expected a value, found '=' (line 1, column 9).
///       visit = = 5
///               ^
public struct ExpressionError: Error, Equatable, CustomStringConvertible {
    public enum Reason: Equatable, Sendable {
        /// Something else stands where `expected` should.
        case unexpected(found: String, expected: String, advice: String? = nil)
        /// A character that no part of the language begins with.
        case unexpectedCharacter(Character, advice: String?)
        /// A quote without its partner on the same line.
        case unterminatedString
        case integerOutOfRange(String)
        case floatOutOfRange(String)
        /// A time literal that cannot be read.
        case time(TimeError)
        /// Arguments that a function does not take.
        case arguments(function: String, problem: String)
        case tooDeep(limit: Int)
        case tooLong(bytes: Int, limit: Int)
    }

    /// The whole text.
    public let expression: String
    public let reason: Reason
    /// Where in the text, as an offset in UTF-8.
    public let offset: Int

    init(_ reason: Reason, at offset: Int, in expression: String) {
        self.reason = reason
        self.offset = offset
        self.expression = expression
    }

    public var description: String {
        let excerpt = ExpressionExcerpt(of: expression, at: offset)
        return "Failed to parse expression '\(ExpressionExcerpt.shortened(expression, to: 200))': "
            + "\(ExpressionExcerpt.shortened(reason.text, to: 500)) (\(excerpt.position)).\n\(excerpt)"
    }
}

extension ExpressionError.Reason {
    fileprivate var text: String {
        switch self {
        case .unexpected(let found, let expected, let advice):
            "expected \(expected), found \(found)" + (advice.map { "; \($0)" } ?? "")
        case .unexpectedCharacter(let character, let advice):
            "unexpected character \(Self.name(of: character))" + (advice.map { "; \($0)" } ?? "")
        case .unterminatedString:
            "the string that begins here has no closing single quote on its line"
        case .integerOutOfRange(let digits):
            "the integer \(ExpressionExcerpt.shortened(digits, to: 40)) lies beyond the 64-bit range, "
                + "\(Int64.min) to \(Int64.max)"
        case .floatOutOfRange(let digits):
            "the number \(ExpressionExcerpt.shortened(digits, to: 40)) lies beyond the range of 64-bit floats, "
                + "\(Double.greatestFiniteMagnitude)"
        case .time(let error): error.description.last == "." ? String(error.description.dropLast()) : "\(error)"
        case .arguments(let function, let problem): "\(function) \(problem)"
        case .tooDeep(let limit):
            "parentheses, NOT, signs or chains of operators nest deeper than the limit of \(limit) levels"
        case .tooLong(let bytes, let limit):
            "the text has \(bytes) bytes, more than the limit of \(limit); pass long lists of values as bind values"
        }
    }

    private static func name(of character: Character) -> String {
        guard let scalar = character.unicodeScalars.first, scalar.properties.generalCategory != .control else {
            let codes = character.unicodeScalars.map { "U+" + hexadecimal($0.value) }
            return codes.first ?? ""
        }
        return "'\(character)'"
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension ButlerError {
    /// What a Butler tells its user, and a server its client.
    public init(_ error: ExpressionError) { self.init(.invalidQuery, error.description) }
}
