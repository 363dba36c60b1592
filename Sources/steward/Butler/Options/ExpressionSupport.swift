/// What of the expression language this version answers.
enum ExpressionSupport {
    /// - Throws: ``CommandFailure/unsupported(_:)`` for any condition.
    static func requireNone(_ expression: String) throws {
        guard expression.allSatisfy(\.isWhitespace) else {
            throw CommandFailure.unsupported(
                "The expression language of --where is not supported yet; leave --where out and filter the results.")
        }
    }
}
