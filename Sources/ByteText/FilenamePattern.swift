/// A shell-style pattern: `*` any text, `?` one code point, `[abc]` and `[a-z]` one of a set, `[!abc]` one outside it.
///
/// The rules are those of Python's `fnmatch`: case counts, `*` also matches slashes, an unclosed `[` is itself.
public struct FilenamePattern: Sendable {
    private enum Token: Sendable {
        case anything
        case one
        case literal(Unicode.Scalar)
        case set([ClosedRange<Unicode.Scalar>], negated: Bool)
    }

    private let tokens: [Token]

    public init(_ text: String) {
        var tokens: [Token] = []
        let characters = Array(text.unicodeScalars)
        var index = 0
        while index < characters.count {
            switch characters[index] {
            case "*": tokens.append(.anything)
            case "?": tokens.append(.one)
            case "[":
                var start = index + 1
                let negated = start < characters.count && characters[start] == "!"
                if negated { start += 1 }
                // A bracket right at the start belongs to the set.
                guard start < characters.count, let close = characters[(start + 1)...].firstIndex(of: "]") else {
                    tokens.append(.literal("["))
                    break
                }
                tokens.append(.set(Self.ranges(Array(characters[start..<close])), negated: negated))
                index = close
            case let other: tokens.append(.literal(other))
            }
            index += 1
        }
        self.tokens = tokens
    }

    private static func ranges(_ members: [Unicode.Scalar]) -> [ClosedRange<Unicode.Scalar>] {
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        var index = 0
        while index < members.count {
            if index + 2 < members.count, members[index + 1] == "-" {
                // A descending range matches nothing.
                if members[index] <= members[index + 2] { ranges.append(members[index]...members[index + 2]) }
                index += 3
            } else {
                ranges.append(members[index]...members[index])
                index += 1
            }
        }
        return ranges
    }

    /// Whether the whole text matches. Cost: O(text × pattern).
    public func matches(_ text: String) -> Bool {
        // Positions of the pattern that can be reached after each character.
        var reached = closure([0])
        for character in text.unicodeScalars {
            var next: Set<Int> = []
            for position in reached where position < tokens.count {
                switch tokens[position] {
                case .anything: next.insert(position)
                case .one: next.insert(position + 1)
                case .literal(let expected): if expected == character { next.insert(position + 1) }
                case .set(let ranges, let negated):
                    if ranges.contains(where: { $0.contains(character) }) != negated { next.insert(position + 1) }
                }
            }
            reached = closure(next)
        }
        return reached.contains(tokens.count)
    }

    /// Steps over `*`, which may match nothing.
    private func closure(_ positions: Set<Int>) -> Set<Int> {
        var result = positions
        for var position in positions {
            while position < tokens.count, case .anything = tokens[position] {
                position += 1
                result.insert(position)
            }
        }
        return result
    }
}
