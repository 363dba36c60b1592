extension ExpressionSyntax: CustomStringConvertible {
    /// The expression with every pair of parentheses that it implies; the text parses to the same tree. Times appear
    /// in TAI, as they are stored.
    public var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    /// Writes the node as an operand: in parentheses if it is an operation.
    private func writeOperand(to text: inout String) {
        switch kind {
        case .signed, .arithmetic, .comparison, .not, .and, .or, .membership:
            text += "("
            write(to: &text)
            text += ")"
        default:
            write(to: &text)
        }
    }

    private func write(to text: inout String) {
        switch kind {
        case .integer(let value): text += "\(value)"
        case .float(let value): text += "\(value)"
        case .string(let value): text += "'\(value)'"
        case .time(let literal): text += "T'\(literal.time)/tai'"
        case .range(let start, let stop, let stride):
            text += stride == 1 ? "\(start)..\(stop)" : "\(start)..\(stop):\(stride)"
        case .uuid(let id): text += "UUID('\(id)')"
        case .identifier(let terms): text += terms.joined(separator: ".")
        case .bind(let name): text += ":\(name)"
        case .signed(let sign, let operand):
            text += sign.rawValue
            operand.writeOperand(to: &text)
        case .arithmetic(let operation, let left, let right):
            Self.write(left, " \(operation.rawValue) ", right, to: &text)
        case .comparison(let comparison, let left, let right):
            Self.write(left, " \(comparison.rawValue) ", right, to: &text)
        case .not(let operand):
            text += "NOT "
            operand.writeOperand(to: &text)
        case .and(let operands): Self.write(operands, joinedBy: " AND ", to: &text)
        case .or(let operands): Self.write(operands, joinedBy: " OR ", to: &text)
        case .membership(let value, let items, let negated):
            value.writeOperand(to: &text)
            Self.writeCall(negated ? " NOT IN " : " IN ", items, to: &text)
        case .tuple(let begin, let end): Self.writeCall("", [begin, end], to: &text)
        case .point(let ra, let dec): Self.writeCall("POINT", [ra, dec], to: &text)
        case .circle(let ra, let dec, let radius): Self.writeCall("CIRCLE", [ra, dec, radius], to: &text)
        case .box(let ra, let dec, let width, let height):
            Self.writeCall("BOX", [ra, dec, width, height], to: &text)
        case .polygon(let vertices): Self.writeCall("POLYGON", vertices.flatMap { [$0.ra, $0.dec] }, to: &text)
        case .region(let position): Self.writeCall("REGION", [position], to: &text)
        case .glob(let column, let pattern): Self.writeCall("GLOB", [column, pattern], to: &text)
        case .unknownFunction(let name, let arguments): Self.writeCall(name, arguments, to: &text)
        }
    }

    private static func write(
        _ left: ExpressionSyntax, _ sign: String, _ right: ExpressionSyntax, to text: inout String
    ) {
        left.writeOperand(to: &text)
        text += sign
        right.writeOperand(to: &text)
    }

    private static func write(_ operands: [ExpressionSyntax], joinedBy separator: String, to text: inout String) {
        for (index, operand) in operands.enumerated() {
            if index > 0 { text += separator }
            operand.writeOperand(to: &text)
        }
    }

    private static func writeCall(_ name: String, _ arguments: [ExpressionSyntax], to text: inout String) {
        text += "\(name)("
        for (index, argument) in arguments.enumerated() {
            if index > 0 { text += ", " }
            argument.write(to: &text)
        }
        text += ")"
    }
}
