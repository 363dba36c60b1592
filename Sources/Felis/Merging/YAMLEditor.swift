import StructuredData

/// Changes values of a YAML text in place. Everything that is not named stays as it was, byte for byte.
struct YAMLEditor {
    private struct Edit {
        var start: YAMLSpan.Place
        var end: YAMLSpan.Place
        var text: String
    }

    private let span: YAMLSpan
    private var edits: [Edit] = []

    init(_ text: [UInt8]) { span = YAMLSpan(text) }

    /// The text with all edits.
    func result() -> [UInt8] {
        var lines = span.lines
        // From the end, so that earlier places stay valid; of several at one place, the last one asked for first.
        let ordered = edits.enumerated().sorted { a, b in
            a.element.start == b.element.start ? a.offset > b.offset : a.element.start > b.element.start
        }
        for (_, edit) in ordered {
            let head = lines[edit.start.line][..<edit.start.byte]
            let tail = lines[edit.end.line][edit.end.byte...]
            let merged = Array(head) + Array(edit.text.utf8) + Array(tail)
            let replacement = merged.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(
                Array.init)
            lines.replaceSubrange(edit.start.line...edit.end.line, with: replacement)
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    // MARK: Entries of mappings

    /// Gives a key of a mapping a value; a key that is not there comes last. False if the text is written so that this
    /// cannot be done in place: the value is an alias, or the mapping is empty.
    mutating func set(_ key: String, of mapping: YAMLNode, to value: StructuredValue) -> Bool {
        guard case .mapping(let entries) = mapping.content, let last = entries.last else { return false }
        let start = span.place(mapping.position)
        let isFlow = span.byte(start) == UInt8(ascii: "{")
        guard let entry = entries.last(where: { Self.text($0.key) == key }) else {
            let end = span.end(last, inFlow: isFlow, parentIndent: start.byte)
            let text = "\(Self.keyText(key)): \(Self.scalarText(value, in: isFlow))"
            let indent = String(repeating: " ", count: start.byte)
            edits.append(Edit(start: end, end: end, text: isFlow ? ", \(text)" : "\n\(indent)\(text)"))
            return true
        }
        let valueStart = span.place(entry.value.position)
        guard valueStart > span.place(entry.key.position), case .scalar(let old) = entry.value.content else {
            return false
        }
        if old.isEmpty, entry.value.tag == YAMLTag.null {
            let end = span.end(entry, inFlow: isFlow, parentIndent: start.byte)
            edits.append(Edit(start: end, end: end, text: " " + Self.scalarText(value, in: isFlow)))
            return true
        }
        let end = span.end(entry.value, inFlow: isFlow, parentIndent: start.byte)
        edits.append(
            Edit(
                start: valueStart, end: end,
                text: Self.replacement(value, for: span.byte(valueStart), isFlow: isFlow, indent: start.byte + 2)))
        return true
    }

    /// Removes a key of a mapping; false if that cannot be done in place, as for the key after a dash.
    mutating func remove(_ key: String, of mapping: YAMLNode) -> Bool {
        guard case .mapping(let entries) = mapping.content,
            let index = entries.lastIndex(where: { Self.text($0.key) == key }),
            index > 0
        else { return false }
        let start = span.place(mapping.position)
        let isFlow = span.byte(start) == UInt8(ascii: "{")
        let before = span.end(entries[index - 1], inFlow: isFlow, parentIndent: start.byte)
        let end = span.end(entries[index], inFlow: isFlow, parentIndent: start.byte)
        if isFlow {
            edits.append(Edit(start: before, end: end, text: ""))
        } else {
            // Whole lines, with a comment behind the value but not those above it.
            let line = span.place(entries[index].key.position).line
            guard line > before.line else { return false }
            edits.append(
                Edit(
                    start: YAMLSpan.Place(line: line - 1, byte: span.lines[line - 1].count),
                    end: YAMLSpan.Place(line: end.line, byte: span.lines[end.line].count), text: ""))
        }
        return true
    }

    // MARK: Items of lists

    /// Appends a mapping to a list of mappings in block style; false if the list is in another style or empty.
    mutating func append(_ mapping: StructuredMapping, to list: YAMLNode) -> Bool {
        guard case .sequence(let items) = list.content, let last = items.last else { return false }
        let start = span.place(list.position)
        guard span.byte(start) == UInt8(ascii: "-") else { return false }
        let end = span.end(last, inFlow: false, parentIndent: start.byte)
        let indent = String(repeating: " ", count: start.byte)
        var text = ""
        for (number, pair) in mapping.pairs.enumerated() {
            let value = Self.scalarText(pair.value, in: false)
            text += "\n\(indent)\(number == 0 ? "- " : "  ")\(Self.keyText(pair.key)): \(value)"
        }
        let lineEnd = YAMLSpan.Place(line: end.line, byte: span.lines[end.line].count)
        edits.append(Edit(start: lineEnd, end: lineEnd, text: text))
        return true
    }

    /// Removes an item of a list in block style, with the lines up to the end of its last value.
    mutating func removeItem(_ index: Int, of list: YAMLNode) -> Bool {
        guard case .sequence(let items) = list.content, items.count > 1 else { return false }
        let start = span.place(list.position)
        guard span.byte(start) == UInt8(ascii: "-") else { return false }
        let first = span.place(items[index].position).line
        let end = span.end(items[index], inFlow: false, parentIndent: start.byte)
        // The dash is on the item's first line, and the list's own key is not.
        guard first > 0, span.indent(first) == start.byte else { return false }
        edits.append(
            Edit(
                start: YAMLSpan.Place(line: first - 1, byte: span.lines[first - 1].count),
                end: YAMLSpan.Place(line: end.line, byte: span.lines[end.line].count), text: ""))
        return true
    }

    // MARK: Texts

    private static func text(_ node: YAMLNode) -> String? {
        if case .scalar(let text) = node.content { text } else { nil }
    }

    private static func keyText(_ key: String) -> String { key.hasPrefix("@") ? "\"\(key)\"" : key }

    /// A value in the style of the one before: quoted as it was, or a block of lines.
    private static func replacement(_ value: StructuredValue, for first: UInt8?, isFlow: Bool, indent: Int) -> String {
        guard case .string(let text) = value else { return scalarText(value, in: isFlow) }
        switch first {
        case UInt8(ascii: "\""): return doubleQuoted(text)
        case UInt8(ascii: "'") where !text.contains("\n"): return "'\(text.replacing("'", with: "''"))'"
        case UInt8(ascii: "|"), UInt8(ascii: ">"):
            let blanks = String(repeating: " ", count: indent)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let mark = first == UInt8(ascii: ">") && lines.count == 1 ? ">-" : "|-"
            return mark + lines.map { $0.isEmpty ? "\n" : "\n\(blanks)\($0)" }.joined()
        default: return scalarText(value, in: isFlow)
        }
    }

    private static func doubleQuoted(_ text: String) -> String { StructuredValue.string(text).description }

    /// A value on one line.
    static func scalarText(_ value: StructuredValue, in isFlow: Bool) -> String {
        if case .string(let text) = value {
            let needsQuotes =
                text.contains("\n") || (isFlow && text.contains { ",[]{}:#".contains($0) })
            if needsQuotes { return doubleQuoted(text) }
        }
        let line = YAMLWriter.text(
            .object(["k": value]), options: .init(width: 1 << 30, allowsUnicode: true))
        return String(line.dropFirst(3)).trimmingEnd()
    }
}

extension String {
    fileprivate func trimmingEnd() -> String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
