import ButlerModel

extension ExpressionParser {
    /// The node of a function call, once its arguments are known to be of the kinds that it takes.
    ///
    /// Source: query system reference, section 1.3. Names are in any case.
    func call(
        _ name: String, _ arguments: [Operand], _ range: Range<Int>
    ) throws(ExpressionError) -> ExpressionSyntax.Kind {
        let call = Call(name: name.uppercased(), arguments: arguments, range: range, text: text)
        let nodes = arguments.map(\.node)
        switch call.name {
        case "POINT":
            try call.require("two arguments (ra, dec)", count: 2)
            return .point(ra: nodes[0], dec: nodes[1])
        case "CIRCLE":
            try call.require("three arguments (ra, dec, radius)", count: 3)
            try call.requireNumbers()
            return .circle(ra: nodes[0], dec: nodes[1], radius: nodes[2])
        case "BOX":
            try call.require("four arguments (ra, dec, width, height)", count: 4)
            try call.requireNumbers()
            return .box(ra: nodes[0], dec: nodes[1], width: nodes[2], height: nodes[3])
        case "POLYGON":
            if nodes.count % 2 != 0 || nodes.count < 6 {
                throw call.wrongCount("three or more pairs of arguments (ra, dec)")
            }
            try call.requireNumbers()
            return .polygon(
                stride(from: 0, to: nodes.count, by: 2).map { .init(ra: nodes[$0], dec: nodes[$0 + 1]) })
        case "REGION":
            try call.require("one argument, a POS text", count: 1)
            switch nodes[0].kind {
            case .string, .bind, .identifier: if arguments[0].form == .plain { return .region(nodes[0]) }
            default: break
            }
            throw call.wrong(
                arguments[0], "takes a string such as 'CIRCLE 10 20 1', a bind name or a name, without parentheses")
        case "GLOB":
            try call.require("two arguments (column, pattern)", count: 2)
            guard case .identifier = nodes[0].kind else {
                throw call.wrong(arguments[0], "takes the name of a column as its first argument")
            }
            switch nodes[1].kind {
            case .string, .bind: return .glob(column: nodes[0], pattern: nodes[1])
            default: throw call.wrong(arguments[1], "takes a string or a bind name (:name) as its pattern")
            }
        case "UUID":
            try call.require("one argument, a string", count: 1)
            guard case .string(let digits) = nodes[0].kind else {
                throw call.wrong(arguments[0], "takes a string")
            }
            guard let id = DatasetID(digits) else {
                throw call.wrong(arguments[0], "takes 32 hexadecimal digits, with or without dashes")
            }
            return .uuid(id)
        default:
            return .unknownFunction(name, nodes)
        }
    }
}

/// A call whose arguments are being checked.
private struct Call {
    let name: String
    let arguments: [ExpressionParser.Operand]
    let range: Range<Int>
    let text: String

    func require(_ expected: String, count: Int) throws(ExpressionError) {
        guard arguments.count == count else { throw wrongCount(expected) }
    }

    /// Degrees are numbers, names of numbers, or operations, which only resolution can tell apart.
    func requireNumbers() throws(ExpressionError) {
        for argument in arguments {
            switch argument.node.kind {
            case .integer, .float, .identifier, .bind, .signed, .arithmetic, .comparison, .not, .and, .or:
                if argument.form == .plain { continue }
            default: break
            }
            throw wrong(argument, "takes degrees: numbers or bind names (:name), without parentheses")
        }
    }

    func wrongCount(_ expected: String) -> ExpressionError {
        let problem = "takes \(expected), not \(arguments.count == 0 ? "none" : "\(arguments.count)")"
        return ExpressionError(.arguments(function: name, problem: problem), at: range.lowerBound, in: text)
    }

    func wrong(_ argument: ExpressionParser.Operand, _ problem: String) -> ExpressionError {
        ExpressionError(
            .arguments(function: name, problem: problem), at: argument.range.lowerBound, in: text)
    }
}
