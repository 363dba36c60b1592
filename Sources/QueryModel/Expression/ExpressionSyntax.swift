import AstroTime
import ButlerModel

/// The syntax of a `where` expression: what was written, before any name in it is looked up.
///
///     let syntax = try ExpressionSyntax.parse("instrument = 'HSC' AND visit IN (1228, 1230..1240:2)")
///     syntax?.description     // (instrument = 'HSC') AND (visit IN (1228, 1230..1240:2))
///
/// No tree is deeper than ``nestingLimit``, so that recursion over it is safe on any thread. Chains of AND and of OR
/// are one node, however long. Source of the grammar: the query system reference, sections 1.1 to 1.4.
public struct ExpressionSyntax: Hashable, Sendable {
    public let kind: Kind
    /// Where the node stands in the text, as offsets in UTF-8, without parentheses around it.
    public let range: Range<Int>

    public indirect enum Kind: Hashable, Sendable {
        // MARK: Literals

        /// Negative only as an item of IN; elsewhere a sign is a node of its own.
        case integer(Int64)
        /// Negative only as an item of IN. Always finite.
        case float(Double)
        case string(String)
        /// `T'…'`; a clamp in the literal deserves a warning.
        case time(TimeLiteral)
        /// `start..stop:stride`, with both ends included. The stride is positive; `stop` may lie before `start`.
        case range(start: Int64, stop: Int64, stride: Int64)
        /// `UUID('…')`
        case uuid(DatasetID)

        // MARK: Names

        /// One to three terms, as written: `visit`, `visit.exposure_time`, `visit.timespan.begin`.
        case identifier([String])
        /// `:name`, without the colon.
        case bind(String)

        // MARK: Operators

        case signed(Sign, ExpressionSyntax)
        case arithmetic(ArithmeticOperator, ExpressionSyntax, ExpressionSyntax)
        case comparison(Comparison, ExpressionSyntax, ExpressionSyntax)
        case not(ExpressionSyntax)
        /// Two or more operands.
        case and([ExpressionSyntax])
        /// Two or more operands.
        case or([ExpressionSyntax])
        /// `value IN (items)`, or NOT IN. There is at least one item; each is a literal, an identifier of one term or
        /// a bind name.
        case membership(ExpressionSyntax, [ExpressionSyntax], negated: Bool)
        /// `(begin, end)`
        case tuple(ExpressionSyntax, ExpressionSyntax)

        // MARK: Functions

        // Their arguments are degrees. CIRCLE, BOX and POLYGON have checked that each is a number, an identifier, a
        // bind name or an operation; POINT takes anything.
        case point(ra: ExpressionSyntax, dec: ExpressionSyntax)
        case circle(ra: ExpressionSyntax, dec: ExpressionSyntax, radius: ExpressionSyntax)
        case box(ra: ExpressionSyntax, dec: ExpressionSyntax, width: ExpressionSyntax, height: ExpressionSyntax)
        /// Three or more vertices.
        case polygon([Vertex])
        /// A string, an identifier or a bind name, which gives an IVOA POS text.
        case region(ExpressionSyntax)
        /// The column is an identifier, the pattern a string or a bind name.
        case glob(column: ExpressionSyntax, pattern: ExpressionSyntax)
        /// Parses like any function, and has no meaning.
        case unknownFunction(String, [ExpressionSyntax])
    }

    public enum Sign: String, Hashable, Sendable {
        case plus = "+"
        case minus = "-"
    }

    /// The raw value is the operator as written.
    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case overlaps = "OVERLAPS"
    }

    /// A vertex of a polygon.
    public struct Vertex: Hashable, Sendable {
        public let ra: ExpressionSyntax
        public let dec: ExpressionSyntax
    }
}

extension ExpressionSyntax {
    /// How deep parentheses, NOT, signs and chains of arithmetic or comparisons may nest.
    public static let nestingLimit = 200
    /// How long a text may be, in bytes of UTF-8.
    public static let lengthLimit = 1 << 20

    /// The syntax of `text`, or nil for a blank text, which is always true.
    ///
    /// - Throws: ``ExpressionError`` at the first character that does not fit.
    /// - Complexity: O(*n*) in time and memory, where *n* is the length of the text; the stack does not grow with it.
    public static func parse(_ text: String) throws(ExpressionError) -> ExpressionSyntax? {
        var parser = try ExpressionParser(text)
        return try parser.parse()
    }
}
