/// A word of the expression language, and where it stands in the text.
struct ExpressionToken {
    let kind: Kind
    /// Offsets in UTF-8.
    let range: Range<Int>

    enum Kind: Equatable {
        /// The content of `T'…'`.
        case time(String)
        case string(String)
        case range(start: Int64, stop: Int64, stride: Int64)
        /// Digits with perhaps a point and an exponent, read when the sign before them is known.
        case number
        /// One to three terms.
        case identifier([String])
        case bind(String)
        case and, or, not, `in`
        case comparison(ExpressionSyntax.Comparison)
        case arithmetic(ArithmeticOperator)
        case leftParenthesis, rightParenthesis, comma
        case end
    }
}
