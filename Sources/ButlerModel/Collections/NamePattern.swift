/// A name or a glob, as collection and dataset type searches take them.
///
/// Text is a glob iff it holds `*`, `?` or a bracket expression; a lone `[` is an ordinary character. Matching is
/// case-sensitive, against the whole name, as Python's `fnmatch`. Source: protocol reference, section 4.2.
public enum NamePattern: Hashable, Sendable {
    case name(String)
    case glob(Glob)

    public init(_ text: String) {
        if let glob = Glob(text) { self = .glob(glob) } else { self = .name(text) }
    }

    public var text: String {
        switch self {
        case .name(let name): name
        case .glob(let glob): glob.text
        }
    }

    public func matches(_ candidate: String) -> Bool {
        switch self {
        case .name(let name): name.hasSameBytes(as: candidate)
        case .glob(let glob): glob.matches(candidate)
        }
    }
}

/// A shell-style pattern: `*`, `?`, `[seq]`, `[!seq]`. Matching costs O(pattern × name) at worst.
public struct Glob: Hashable, Sendable {
    public let text: String
    private let tokens: [Token]

    private enum Token: Hashable, Sendable {
        case any
        case one
        case literal(Unicode.Scalar)
        case set(ranges: [ClosedRange<UInt32>], negated: Bool)
    }

    /// `nil` when the text has no wildcard and so is a plain name.
    public init?(_ text: String) {
        self.text = text
        var tokens: [Token] = []
        var isGlob = false
        let scalars = Array(text.unicodeScalars)
        var index = 0
        while index < scalars.count {
            switch scalars[index] {
            case "*":
                isGlob = true
                if tokens.last != .any { tokens.append(.any) }
                index += 1
            case "?":
                isGlob = true
                tokens.append(.one)
                index += 1
            case "[":
                if let (token, next) = Self.bracket(scalars, at: index) {
                    isGlob = true
                    tokens.append(token)
                    index = next
                } else {
                    tokens.append(.literal("["))
                    index += 1
                }
            case let scalar:
                tokens.append(.literal(scalar))
                index += 1
            }
        }
        guard isGlob else { return nil }
        self.tokens = tokens
    }

    private static func bracket(_ scalars: [Unicode.Scalar], at open: Int) -> (Token, Int)? {
        var index = open + 1
        var negated = false
        if index < scalars.count, scalars[index] == "!" {
            negated = true
            index += 1
        }
        let start = index
        // A bracket directly after the opening one belongs to the set.
        if index < scalars.count, scalars[index] == "]" { index += 1 }
        while index < scalars.count, scalars[index] != "]" { index += 1 }
        guard index < scalars.count else { return nil }
        var ranges: [ClosedRange<UInt32>] = []
        var member = start
        while member < index {
            let low = scalars[member].value
            if member + 2 < index, scalars[member + 1] == "-" {
                let high = scalars[member + 2].value
                if low <= high { ranges.append(low...high) }
                member += 3
            } else {
                ranges.append(low...low)
                member += 1
            }
        }
        return (.set(ranges: ranges, negated: negated), index + 1)
    }

    public func matches(_ candidate: String) -> Bool { matches(Array(candidate.unicodeScalars)) }

    /// For many globs and one name, which is taken apart once.
    public func matches(_ scalars: [Unicode.Scalar]) -> Bool {
        var token = 0
        var position = 0
        var lastStar: Int?
        var retry = 0
        while position < scalars.count {
            if token < tokens.count, tokens[token] == .any {
                lastStar = token
                retry = position
                token += 1
            } else if token < tokens.count, accepts(tokens[token], scalars[position]) {
                token += 1
                position += 1
            } else if let star = lastStar {
                retry += 1
                position = retry
                token = star + 1
            } else {
                return false
            }
        }
        while token < tokens.count, tokens[token] == .any { token += 1 }
        return token == tokens.count
    }

    private func accepts(_ token: Token, _ scalar: Unicode.Scalar) -> Bool {
        switch token {
        case .any: false
        case .one: true
        case .literal(let wanted): wanted == scalar
        case .set(let ranges, let negated): ranges.contains { $0.contains(scalar.value) } != negated
        }
    }
}
