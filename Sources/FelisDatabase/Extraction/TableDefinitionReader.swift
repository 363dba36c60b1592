import Felis

/// Reads the named constraints out of the text by which SQLite remembers a table, since it keeps their names nowhere
/// else.
struct TableDefinitionReader {
    private enum Token: Equatable {
        case word(String)
        /// In quotes, so that it is a name and no keyword.
        case name(String)
        case mark(Character)
    }

    private let tokens: [(token: Token, range: Range<String.Index>)]
    private let text: String

    init(_ text: String) {
        self.text = text
        tokens = Self.tokens(text)
    }

    private static func tokens(_ text: String) -> [(token: Token, range: Range<String.Index>)] {
        var result: [(token: Token, range: Range<String.Index>)] = []
        var index = text.startIndex
        while index < text.endIndex {
            let start = index
            let character = text[index]
            if character.isWhitespace {
                index = text.index(after: index)
                continue
            }
            if let close = ["\"": "\"", "'": "'", "`": "`", "[": "]"][String(character)]?.first {
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
                result.append((.name(content), start..<index))
                continue
            }
            if character.isLetter || character == "_" || character.isNumber {
                while index < text.endIndex, text[index].isLetter || text[index].isNumber || "_$".contains(text[index])
                {
                    index = text.index(after: index)
                }
                result.append((.word(String(text[start..<index])), start..<index))
                continue
            }
            index = text.index(after: index)
            result.append((.mark(character), start..<index))
        }
        return result
    }

    /// The constraints in the order of the text.
    func constraints(ofTable table: String) -> [Constraint] {
        var result: [Constraint] = []
        var at = 0
        while at + 2 < tokens.count {
            guard isWord(at, "CONSTRAINT"), let name = name(at + 1) else {
                at += 1
                continue
            }
            var next = at + 2
            if let constraint = constraint(name, table: table, at: &next) { result.append(constraint) }
            at = max(next, at + 1)
        }
        return result
    }

    private func constraint(_ name: String, table: String, at index: inout Int) -> Constraint? {
        func ids(_ names: [String], _ table: String) -> [String] { names.map { "#\(table).\($0)" } }
        let content: Constraint.Content
        if isWord(index, "UNIQUE") {
            index += 1
            guard let columns = names(&index) else { return nil }
            content = .unique(columns: ids(columns, table))
        } else if isWord(index, "CHECK") {
            index += 1
            guard let expression = parenthesis(&index) else { return nil }
            content = .check(expression: expression)
        } else if isWord(index, "FOREIGN"), isWord(index + 1, "KEY") {
            index += 2
            guard let columns = names(&index), isWord(index, "REFERENCES"), let target = self.name(index + 1) else {
                return nil
            }
            index += 2
            guard let referenced = names(&index) else { return nil }
            var key = Constraint.ForeignKey(columns: ids(columns, table), referenced: ids(referenced, target))
            while isWord(index, "ON") {
                let isDelete = isWord(index + 1, "DELETE")
                var words: [String] = []
                index += 2
                while case .word(let word)? = token(index), words.count < 2,
                    Constraint.Action.allCases.contains(where: {
                        $0.rawValue.hasPrefix((words + [word.uppercased()]).joined(separator: " "))
                    })
                {
                    words.append(word.uppercased())
                    index += 1
                }
                let action = Constraint.Action(rawValue: words.joined(separator: " "))
                if isDelete { key.onDelete = action } else { key.onUpdate = action }
            }
            content = .foreignKey(key)
        } else {
            return nil
        }
        var constraint = Constraint(name: name, id: "#\(name)", content: content)
        if isWord(index, "DEFERRABLE") {
            constraint.isDeferrable = true
            index += 1
            if isWord(index, "INITIALLY"), case .word(let word)? = token(index + 1) {
                constraint.initially = Constraint.Initially(rawValue: word.uppercased())
                index += 2
            }
        }
        return constraint
    }

    private func token(_ index: Int) -> Token? { index < tokens.count ? tokens[index].token : nil }

    private func isWord(_ index: Int, _ word: String) -> Bool {
        if case .word(let text)? = token(index) { text.uppercased() == word } else { false }
    }

    private func name(_ index: Int) -> String? {
        switch token(index) {
        case .word(let text), .name(let text): text
        default: nil
        }
    }

    /// `(a, b)`.
    private func names(_ index: inout Int) -> [String]? {
        guard token(index) == .mark("(") else { return nil }
        index += 1
        var names: [String] = []
        while let token = token(index), token != .mark(")") {
            if let name = name(index) { names.append(name) }
            index += 1
        }
        index += 1
        return names
    }

    /// The text between parentheses.
    private func parenthesis(_ index: inout Int) -> String? {
        guard token(index) == .mark("(") else { return nil }
        let start = tokens[index].range.upperBound
        var level = 0
        while index < tokens.count {
            if tokens[index].token == .mark("(") { level += 1 }
            if tokens[index].token == .mark(")") { level -= 1 }
            index += 1
            if level == 0 { return String(text[start..<tokens[index - 1].range.lowerBound]) }
        }
        return nil
    }
}
