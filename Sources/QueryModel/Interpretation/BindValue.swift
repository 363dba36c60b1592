/// The value of a name in an expression.
public enum BindValue: Hashable, Sendable {
    case literal(QueryLiteral)
    /// Stands only as an item of IN.
    case list([QueryLiteral])
}

extension BindValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByFloatLiteral,
    ExpressibleByArrayLiteral
{
    public init(integerLiteral value: Int64) { self = .literal(.int(value)) }
    public init(stringLiteral value: String) { self = .literal(.string(value)) }
    public init(floatLiteral value: Double) { self = .literal(.float(value)) }
    public init(arrayLiteral elements: QueryLiteral...) { self = .list(elements) }
}
