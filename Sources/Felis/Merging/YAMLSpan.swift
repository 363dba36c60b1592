import StructuredData

/// Finds where values of a YAML text end, so that they can be replaced without touching anything else: comments, blank
/// lines, order and quoting of the rest stay as they are.
///
/// It understands what people write in schema files: block and flow mappings and lists, plain, quoted and block
/// scalars.
struct YAMLSpan {
    let lines: [[UInt8]]

    init(_ text: [UInt8]) {
        lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Line and byte in it, both from 0.
    struct Place: Comparable {
        var line: Int
        var byte: Int

        static func < (a: Place, b: Place) -> Bool { (a.line, a.byte) < (b.line, b.byte) }
    }

    /// The place of a node's position, whose column counts characters.
    func place(_ position: TextPosition) -> Place {
        let line = position.line - 1
        guard lines.indices.contains(line) else {
            return Place(line: lines.count - 1, byte: lines[lines.count - 1].count)
        }
        var characters = 0
        for (offset, byte) in lines[line].enumerated() where byte & 0xC0 != 0x80 {
            if characters == position.column - 1 { return Place(line: line, byte: offset) }
            characters += 1
        }
        return Place(line: line, byte: lines[line].count)
    }

    /// Where the text of a node begins, behind its anchor and tag. A mapping in block style begins with its first key.
    func start(_ node: YAMLNode) -> Place {
        let start = behindProperties(place(node.position))
        guard case .mapping(let entries) = node.content, let first = entries.first, byte(start) != UInt8(ascii: "{")
        else { return start }
        return behindProperties(place(first.key.position))
    }

    /// Behind `&anchor` and `!tag`, the blanks after them, and line ends and comments before what they belong to.
    private func behindProperties(_ start: Place) -> Place {
        var at = start
        var isBehind = false
        while at.line < lines.count {
            switch byte(at) {
            case UInt8(ascii: "&"), UInt8(ascii: "!"):
                isBehind = true
                while let byte = byte(at), !Self.isBlank(byte) { at.byte += 1 }
            case .some(let byte) where isBehind && Self.isBlank(byte): at.byte += 1
            case nil where isBehind, UInt8(ascii: "#") where isBehind: at = Place(line: at.line + 1, byte: 0)
            default: return at
            }
        }
        return start
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// The span of the `*alias` that is an entry's value; `nil` if it does not stand behind its key on one line.
    func alias(_ entry: YAMLNode.Entry) -> (start: Place, end: Place)? {
        var at = behindProperties(place(entry.key.position))
        if let quote = byte(at), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            at = quotedEnd(at, quote: quote)
        }
        let line = lines[at.line]
        guard
            let colon = line.indices[at.byte...].first(where: { index in
                line[index] == UInt8(ascii: ":") && index + 1 < line.count && Self.isBlank(line[index + 1])
            }), let start = line.indices[(colon + 1)...].first(where: { !Self.isBlank(line[$0]) }),
            line[start] == UInt8(ascii: "*")
        else { return nil }
        let end = line.indices[start...].first { Self.isBlank(line[$0]) || Array(",[]{}".utf8).contains(line[$0]) }
        return (Place(line: at.line, byte: start), Place(line: at.line, byte: end ?? line.count))
    }

    func byte(_ place: Place) -> UInt8? {
        lines[place.line].indices.contains(place.byte) ? lines[place.line][place.byte] : nil
    }

    /// The columns of blanks before the first character of a line; `nil` for blank lines.
    func indent(_ line: Int) -> Int? { lines[line].firstIndex { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\r") } }

    /// The end of a scalar.
    ///
    /// - Parameters:
    ///   - inFlow: brackets are open around it.
    ///   - parentIndent: the indent of the mapping or list that holds it; continuation lines are deeper.
    func scalarEnd(_ start: Place, inFlow: Bool, parentIndent: Int) -> Place {
        switch byte(start) {
        case UInt8(ascii: "\""): return quotedEnd(start, quote: UInt8(ascii: "\""))
        case UInt8(ascii: "'"): return quotedEnd(start, quote: UInt8(ascii: "'"))
        case UInt8(ascii: "|"), UInt8(ascii: ">"):
            var last = start.line
            var line = start.line + 1
            while line < lines.count, indent(line).map({ $0 > parentIndent }) ?? true {
                if indent(line) != nil { last = line }
                line += 1
            }
            return Place(line: last, byte: lines[last].count)
        default: return plainEnd(start, inFlow: inFlow, parentIndent: parentIndent)
        }
    }

    private func quotedEnd(_ start: Place, quote: UInt8) -> Place {
        var at = Place(line: start.line, byte: start.byte + 1)
        while at.line < lines.count {
            while let byte = byte(at) {
                if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                    at.byte += 2
                } else if byte == quote {
                    at.byte += 1
                    guard quote == UInt8(ascii: "'"), self.byte(at) == quote else { return at }
                    at.byte += 1
                } else {
                    at.byte += 1
                }
            }
            at = Place(line: at.line + 1, byte: 0)
        }
        return Place(line: lines.count - 1, byte: lines[lines.count - 1].count)
    }

    private func plainEnd(_ start: Place, inFlow: Bool, parentIndent: Int) -> Place {
        var end = start
        var line = start.line
        var first = start.byte
        while line < lines.count {
            let text = lines[line]
            var at = first
            var isDone = false
            while at < text.count {
                let byte = text[at]
                if byte == UInt8(ascii: "#"),
                    at == 0 || text[at - 1] == UInt8(ascii: " ") || text[at - 1] == UInt8(ascii: "\t")
                {
                    isDone = true
                    break
                }
                if inFlow, [UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(byte) {
                    isDone = true
                    break
                }
                if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\r"), byte != UInt8(ascii: "\t") {
                    end = Place(line: line, byte: at + 1)
                }
                at += 1
            }
            guard !isDone else { return end }
            line += 1
            // Blank lines in a text are line breaks of it.
            while line < lines.count, indent(line) == nil { line += 1 }
            guard line < lines.count, let indent = indent(line),
                inFlow && parentIndent < Int.max || indent > parentIndent,
                lines[line][indent] != UInt8(ascii: "#")
            else { return end }
            first = indent
        }
        return end
    }

    /// The end of a node: of its last scalar, or of its closing bracket.
    func end(_ node: YAMLNode, inFlow: Bool, parentIndent: Int) -> Place {
        let start = start(node)
        switch node.content {
        case .scalar: return scalarEnd(start, inFlow: inFlow, parentIndent: parentIndent)
        case .sequence(let items):
            let isFlow = byte(start) == UInt8(ascii: "[")
            var last = start
            for item in items { last = end(item, inFlow: isFlow || inFlow, parentIndent: start.byte) }
            return isFlow ? closing(after: items.isEmpty ? Place(line: start.line, byte: start.byte + 1) : last) : last
        case .mapping(let entries):
            let isFlow = byte(start) == UInt8(ascii: "{")
            var last = start
            for entry in entries {
                last = end(entry, inFlow: isFlow || inFlow, parentIndent: start.byte)
            }
            return isFlow
                ? closing(after: entries.isEmpty ? Place(line: start.line, byte: start.byte + 1) : last) : last
        }
    }

    /// The end of an entry of a mapping.
    func end(_ entry: YAMLNode.Entry, inFlow: Bool, parentIndent: Int) -> Place {
        // What is not there, or stands elsewhere under an alias, ends where the line does.
        if isEmpty(entry.value) || place(entry.value.position) < place(entry.key.position) {
            return plainEnd(place(entry.key.position), inFlow: inFlow, parentIndent: Int.max)
        }
        return end(entry.value, inFlow: inFlow, parentIndent: parentIndent)
    }

    private func isEmpty(_ node: YAMLNode) -> Bool {
        if case .scalar(let text) = node.content { text.isEmpty && node.tag == YAMLTag.null } else { false }
    }

    /// Behind the next closing bracket.
    private func closing(after start: Place) -> Place {
        var at = start
        while at.line < lines.count {
            while let byte = byte(at) {
                if byte == UInt8(ascii: "#"), at.byte == 0 || lines[at.line][at.byte - 1] == UInt8(ascii: " ") { break }
                at.byte += 1
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { return at }
            }
            at = Place(line: at.line + 1, byte: 0)
        }
        return start
    }
}
