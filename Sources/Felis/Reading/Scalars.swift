import Foundation
import StructuredData

/// Single values of a file, by the rules of the Python tool: texts stay texts, but integers and flags may also be
/// written as texts.
enum Scalars {
    static func text(_ node: YAMLNode, in context: ReadingContext) -> String? {
        guard node.tag == YAMLTag.string, case .scalar(let text) = node.content else {
            if let text = binaryText(node) { return text }
            context.report(
                .stringType, "should be a text, found \(kindName(node))", at: node.position, remedy: quoting(node))
            return nil
        }
        return trimmed(text)
    }

    /// The text that `!!binary` writes in Base64.
    static func binaryText(_ node: YAMLNode) -> String? {
        guard node.tag == YAMLTag.binary, case .scalar(let text) = node.content,
            let data = Data(base64Encoded: text.filter { !$0.isWhitespace })
        else { return nil }
        return String(validating: data, as: UTF8.self).map(trimmed)
    }

    private static func quoting(_ node: YAMLNode) -> String? {
        guard case .scalar(let text) = node.content, node.tag != YAMLTag.null, !text.isEmpty else { return nil }
        return "put it in quotes: \"\(text)\""
    }

    static func trimmed(_ text: String) -> String {
        let utf8 = text.utf8
        guard let first = utf8.first, let last = utf8.last else { return text }
        if first > 0x20, first < 0x80, last > 0x20, last < 0x80 { return text }
        var scalars = Substring(text).unicodeScalars
        while let scalar = scalars.first, scalar.properties.isWhitespace { scalars.removeFirst() }
        while let scalar = scalars.last, scalar.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }

    static func integer(_ node: YAMLNode, in range: ClosedRange<Int>?, _ context: ReadingContext) -> Int? {
        guard let number = integer(node, in: context) else { return nil }
        if let range {
            if number < range.lowerBound {
                if range.lowerBound == 1 {
                    context.report(.greaterThan, "should be greater than 0, found \(number)", at: node.position)
                } else {
                    context.report(
                        .greaterThanOrEqual, "should be at least \(range.lowerBound), found \(number)",
                        at: node.position)
                }
                return nil
            }
            if number > range.upperBound {
                context.report(
                    .lessThanOrEqual, "should be at most \(range.upperBound), found \(number)", at: node.position)
                return nil
            }
        }
        return number
    }

    private static func integer(_ node: YAMLNode, in context: ReadingContext) -> Int? {
        guard case .scalar(let text) = node.content else {
            context.report(.intType, "should be an integer, found \(node.kindName)", at: node.position)
            return nil
        }
        switch node.tag {
        case YAMLTag.int, YAMLTag.float, YAMLTag.bool:
            switch value(node) {
            case .int(let number): return Int(number)
            case .bool(let flag): return flag ? 1 : 0
            case .float(let number):
                if let whole = Int(exactly: number) { return whole }
                let isWhole = number.rounded() == number
                context.report(
                    isWhole ? .intType : .intFromFloat,
                    isWhole ? "\(text) is too large for an integer" : "should be an integer, found the number \(text)",
                    at: node.position)
                return nil
            default: break
            }
        case YAMLTag.string:
            if let number = integer(written: trimmed(text)) { return number }
            context.report(.intParsing, "should be an integer, found '\(text)'", at: node.position)
            return nil
        default: break
        }
        context.report(.intType, "should be an integer, found \(kindName(node))", at: node.position)
        return nil
    }

    /// `12`, `-1`, `1_000`, `12.0`.
    private static func integer(written text: String) -> Int? {
        var digits = text
        if let dot = digits.firstIndex(of: "."), digits.last == "0",
            digits[digits.index(after: dot)...].allSatisfy({ $0 == "0" })
        {
            digits = String(digits[..<dot])
        }
        guard !digits.hasPrefix("_"), !digits.hasSuffix("_"), !digits.contains("__") else { return nil }
        return Int(digits.filter { $0 != "_" })
    }

    static func boolean(_ node: YAMLNode, in context: ReadingContext) -> Bool? {
        if case .scalar(let text) = node.content {
            switch (node.tag, value(node)) {
            case (YAMLTag.bool, .bool(let flag)): return flag
            case (YAMLTag.int, .int(0)), (YAMLTag.float, .float(0)): return false
            case (YAMLTag.int, .int(1)), (YAMLTag.float, .float(1)): return true
            case (YAMLTag.string, _):
                switch text.lowercased() {
                case "true", "t", "yes", "y", "on", "1": return true
                case "false", "f", "no", "n", "off", "0": return false
                default: break
                }
                context.report(.boolParsing, "should be true or false, found '\(text)'", at: node.position)
                return nil
            case (YAMLTag.int, _):
                context.report(.boolParsing, "should be true or false, found \(text)", at: node.position)
                return nil
            default: break
            }
        }
        context.report(.boolType, "should be true or false, found \(kindName(node))", at: node.position)
        return nil
    }

    static func items(_ node: YAMLNode, in context: ReadingContext) -> [YAMLNode]? {
        guard node.tag == YAMLTag.sequence, case .sequence(let items) = node.content else {
            context.report(.listType, "should be a list, found \(kindName(node))", at: node.position)
            return nil
        }
        guard context.spend(items.count, at: node.position) else { return nil }
        return items
    }

    /// The value of a scalar; `nil` for lists and mappings, and for what does not fit its tag.
    static func value(_ node: YAMLNode) -> StructuredValue? {
        guard case .scalar = node.content else { return nil }
        return try? StructuredValue(node)
    }

    static func kindName(_ node: YAMLNode) -> String {
        guard case .scalar(let text) = node.content else { return node.kindName }
        switch node.tag {
        case YAMLTag.null: return "null"
        case YAMLTag.bool: return "the boolean \(text)"
        case YAMLTag.int: return "the integer \(text)"
        case YAMLTag.float: return "the number \(text)"
        case YAMLTag.timestamp: return "the date \(text)"
        case YAMLTag.string: return "the text '\(text.prefix(60))'"
        default: return "a value with the tag \(YAMLTag.shorthand(node.tag))"
        }
    }

    static func shown(_ node: YAMLNode) -> String {
        if case .scalar(let text) = node.content { return "'\(text.prefix(60))'" }
        return node.kindName
    }
}
