extension SQL: ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) { elements = value.isEmpty ? [] : [.text(value)] }

    public init(stringInterpolation: StringInterpolation) { elements = stringInterpolation.elements }

    public struct StringInterpolation: StringInterpolationProtocol {
        var elements: [Element] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            elements.reserveCapacity(2 * interpolationCount + 1)
        }

        public mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { elements.append(.text(literal)) }
        }

        /// Another fragment.
        public mutating func appendInterpolation(_ fragment: SQL) {
            elements.append(contentsOf: fragment.elements)
        }

        /// Another fragment under a name.
        public mutating func appendInterpolation(_ fragment: SQL, as name: String) {
            elements.append(contentsOf: fragment.elements)
            elements.append(.text(" AS "))
            elements.append(.identifier(name))
        }

        /// A permanent table, qualified as the database needs it.
        public mutating func appendInterpolation(table name: String) { elements.append(.table(name)) }

        public mutating func appendInterpolation(table specification: TableSpecification) {
            elements.append(.table(specification.name))
        }

        /// A table made with `createTable(_:temporary:)` in the same transaction.
        public mutating func appendInterpolation(temporary name: String) { elements.append(.temporaryTable(name)) }

        /// The name given to a table or subquery inside the statement.
        public mutating func appendInterpolation(alias name: String) { elements.append(.identifier(name)) }

        /// A column, qualified with a table's alias if given.
        public mutating func appendInterpolation(column name: String, of alias: String? = nil) {
            if let alias {
                elements.append(.identifier(alias))
                elements.append(.text("."))
            }
            elements.append(.identifier(name))
        }

        /// Columns separated by commas.
        public mutating func appendInterpolation(columns names: [String], of alias: String? = nil) {
            for (index, name) in names.enumerated() {
                if index > 0 { elements.append(.text(", ")) }
                appendInterpolation(column: name, of: alias)
            }
        }

        /// A value, bound to the statement.
        public mutating func appendInterpolation(value: SQLValue) { elements.append(.value(value)) }

        public mutating func appendInterpolation(value: some SQLValueConvertible) {
            elements.append(.value(value.sqlValue))
        }

        /// A place for one value of each row given to `executeMany`.
        public mutating func appendInterpolation(parameter type: ColumnType) { elements.append(.parameter(type)) }

        /// A timespan in the column list of an inner select, where ``TimespanExpression/column(_:of:)`` finds it by
        /// the same name.
        public mutating func appendInterpolation(timespan: TimespanExpression, as name: String = "timespan") {
            elements.append(.timespan(timespan, .inner(name: name)))
        }

        /// A timespan in the column list of the outermost select: one column for ``DatabaseRow/timespan(_:)``.
        public mutating func appendInterpolation(result timespan: TimespanExpression) {
            elements.append(.timespan(timespan, .result))
        }
    }
}
