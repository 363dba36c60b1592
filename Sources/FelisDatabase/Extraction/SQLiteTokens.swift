/// The words, names and marks of a statement of SQLite, without comments.
struct SQLiteTokens {
    enum Token: Equatable {
        case word(String)
        /// In quotes, so that it is a name and no keyword.
        case name(String)
        case mark(Character)
    }

    let text: String
    private(set) var tokens: [(token: Token, range: Range<String.Index>)] = []

    init(_ text: String) {
        self.text = text
        var index = text.startIndex
        while index < text.endIndex {
            let start = index
            let character = text[index]
            if character.isWhitespace {
                index = text.index(after: index)
            } else if text[index...].hasPrefix("--") {
                index = text[index...].firstIndex(where: \.isNewline) ?? text.endIndex
            } else if text[index...].hasPrefix("/*") {
                let inside = text.index(index, offsetBy: 2)
                index = text[inside...].firstRange(of: "*/")?.upperBound ?? text.endIndex
            } else if let close = Self.closing[character] {
                tokens.append((.name(Self.quoted(text, &index, close)), start..<index))
            } else if Self.isWord(character) {
                while index < text.endIndex, Self.isWord(text[index]) || text[index] == "$" {
                    index = text.index(after: index)
                }
                tokens.append((.word(String(text[start..<index])), start..<index))
            } else {
                index = text.index(after: index)
                tokens.append((.mark(character), start..<index))
            }
        }
    }

    private static let closing: [Character: Character] = ["\"": "\"", "'": "'", "`": "`", "[": "]"]

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// What is in quotes, from the opening one on.
    private static func quoted(_ text: String, _ index: inout String.Index, _ close: Character) -> String {
        var content = ""
        index = text.index(after: index)
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == close {
                guard close != "]", next < text.endIndex, text[next] == close else { break }
                index = next
            }
            content.append(text[index])
            index = text.index(after: index)
        }
        if index < text.endIndex { index = text.index(after: index) }
        return content
    }

    // MARK: Reading

    var count: Int { tokens.count }

    subscript(_ index: Int) -> Token? { tokens.indices.contains(index) ? tokens[index].token : nil }

    func isWord(_ index: Int, _ words: String...) -> Bool {
        if case .word(let text)? = self[index] { words.contains(text.uppercased()) } else { false }
    }

    func isMark(_ index: Int, _ mark: Character) -> Bool { self[index] == .mark(mark) }

    func name(_ index: Int) -> String? {
        switch self[index] {
        case .word(let text), .name(let text): text
        default: nil
        }
    }

    /// The place after the parenthesis that closes the one at a place.
    func end(ofParenthesis start: Int) -> Int {
        var level = 0
        var index = start
        while index < count {
            if isMark(index, "(") { level += 1 }
            if isMark(index, ")") { level -= 1 }
            index += 1
            if level == 0 { break }
        }
        return index
    }

    /// The text between parentheses of which the first is at a place, and the place after the last.
    func parenthesis(_ index: inout Int) -> String? {
        guard isMark(index, "(") else { return nil }
        let start = tokens[index].range.upperBound
        index = end(ofParenthesis: index)
        return String(text[start..<max(start, tokens[index - 1].range.lowerBound)])
    }

    /// The places of what commas divide between parentheses.
    func items(inParenthesis start: Int) -> [Range<Int>] {
        let end = end(ofParenthesis: start) - 1
        var result: [Range<Int>] = []
        var first = start + 1
        var index = first
        while index < end {
            if isMark(index, "(") {
                index = self.end(ofParenthesis: index)
                continue
            }
            if isMark(index, ",") {
                result.append(first..<index)
                first = index + 1
            }
            index += 1
        }
        if first < end { result.append(first..<end) }
        return result
    }

    func text(_ range: Range<Int>) -> String {
        guard let first = range.first, let last = range.last else { return "" }
        return String(text[tokens[first].range.lowerBound..<tokens[last].range.upperBound])
    }
}
