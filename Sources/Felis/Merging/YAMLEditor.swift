import StructuredData

/// Changes values of a YAML text in place. Everything that is not named stays as it was, byte for byte.
struct YAMLEditor {
    private struct Edit: Equatable {
        var start: YAMLSpan.Place
        var end: YAMLSpan.Place
        var text: String
        /// Of what is inserted at one place, the more deeply nested comes first: it belongs to what stands above.
        var rank = 0

        var isInsertion: Bool { start == end }
    }

    private let span: YAMLSpan
    private var edits: [Edit] = []

    init(_ text: [UInt8]) { span = YAMLSpan(text) }

    /// The text with all edits; the same edit at the same place, which several aliases may lead to, is made once.
    func result() -> [UInt8] {
        let ordered = edits.enumerated().sorted { a, b in
            let (first, second) = (a.element, b.element)
            if first.start != second.start { return first.start < second.start }
            if first.isInsertion != second.isInsertion { return first.isInsertion }
            return first.rank == second.rank ? a.offset < b.offset : first.rank > second.rank
        }
        var result: [UInt8] = []
        var place = YAMLSpan.Place(line: 0, byte: 0)
        var last: Edit?
        for (_, edit) in ordered where edit != last {
            last = edit
            copy(from: place, to: edit.start, into: &result)
            result += edit.text.utf8
            place = max(place, edit.end)
        }
        copy(from: place, to: .init(line: span.lines.count - 1, byte: span.lines.last?.count ?? 0), into: &result)
        return result
    }

    private func copy(from start: YAMLSpan.Place, to end: YAMLSpan.Place, into result: inout [UInt8]) {
        guard start < end else { return }
        for line in start.line...end.line {
            let text = span.lines[line]
            let first = line == start.line ? start.byte : 0
            result += text[first..<(line == end.line ? end.byte : text.count)]
            if line < end.line { result.append(UInt8(ascii: "\n")) }
        }
    }

    // MARK: Entries of mappings

    /// Gives a key of a mapping a value; a key that is not there comes last, as does one that a merge key brings. The
    /// value takes the place of an alias, and keeps an anchor. False if the text is written so that this cannot be done
    /// in place, as in an empty mapping.
    mutating func set(_ key: String, of mapping: YAMLNode, to value: StructuredValue) -> Bool {
        guard case .mapping(let entries) = mapping.content, let last = entries.last else { return false }
        let start = span.start(mapping)
        let isFlow = span.byte(start) == UInt8(ascii: "{")
        guard let entry = entries.last(where: { Self.text($0.key) == key }) else {
            let text = "\(Self.keyText(key)): \(Self.scalarText(value, in: isFlow))"
            let end = span.end(last, inFlow: isFlow, parentIndent: start.byte)
            if isFlow {
                edits.append(Edit(start: end, end: end, text: ", \(text)"))
            } else {
                insert(
                    "\n" + String(repeating: " ", count: start.byte) + text, below: end.line, rank: 2 * start.byte)
            }
            return true
        }
        guard case .scalar(let old) = entry.value.content else { return false }
        guard span.place(entry.value.position) > span.place(entry.key.position) else {
            guard let alias = span.alias(entry) else { return false }
            edits.append(Edit(start: alias.start, end: alias.end, text: Self.scalarText(value, in: isFlow)))
            return true
        }
        if old.isEmpty, entry.value.tag == YAMLTag.null {
            let end = span.end(entry, inFlow: isFlow, parentIndent: start.byte)
            edits.append(Edit(start: end, end: end, text: " " + Self.scalarText(value, in: isFlow)))
            return true
        }
        let valueStart = span.start(entry.value)
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
        let start = span.start(mapping)
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
        let start = span.start(list)
        guard span.byte(start) == UInt8(ascii: "-") else { return false }
        let end = span.end(last, inFlow: false, parentIndent: start.byte)
        insert(Self.itemText(mapping, indent: start.byte), below: end.line, rank: 2 * start.byte + 1)
        return true
    }

    /// Adds a key with a list of mappings to a mapping in block style; false for other styles.
    mutating func add(_ key: String, of mapping: YAMLNode, items: [StructuredMapping]) -> Bool {
        guard case .mapping(let entries) = mapping.content, let last = entries.last else { return false }
        let start = span.start(mapping)
        guard span.byte(start) != UInt8(ascii: "{") else { return false }
        let end = span.end(last, inFlow: false, parentIndent: start.byte)
        let text = items.map { Self.itemText($0, indent: start.byte) }.joined()
        insert(
            "\n" + String(repeating: " ", count: start.byte) + "\(key):" + text, below: end.line,
            rank: 2 * start.byte)
        return true
    }

    /// Text that begins with a line break, behind all that a line has.
    private mutating func insert(_ text: String, below line: Int, rank: Int) {
        var place = YAMLSpan.Place(line: line, byte: span.lines[line].count)
        // Files of Windows keep their line ends.
        if span.lines[line].last == UInt8(ascii: "\r") {
            place.byte -= 1
            edits.append(Edit(start: place, end: place, text: text.replacing("\n", with: "\r\n"), rank: rank))
        } else {
            edits.append(Edit(start: place, end: place, text: text, rank: rank))
        }
    }

    /// An item of a list, in lines that each begin with a line break.
    private static func itemText(_ mapping: StructuredMapping, indent: Int) -> String {
        let blanks = String(repeating: " ", count: indent)
        var lines: [Substring] = []
        for (key, value) in mapping.pairs {
            if value.arrayValue != nil || value.objectValue != nil {
                let text = YAMLWriter.text(.object([key: value]), options: .init(width: 1 << 30, allowsUnicode: true))
                lines += text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            } else {
                lines.append("\(keyText(key)): \(scalarText(value, in: false))")
            }
        }
        return lines.enumerated().map { "\n\(blanks)\($0.offset == 0 ? "- " : "  ")\($0.element)" }.joined()
    }

    /// Removes an item of a list in block style, with the lines up to the end of its last value.
    mutating func removeItem(_ index: Int, of list: YAMLNode) -> Bool {
        guard case .sequence(let items) = list.content, items.count > 1 else { return false }
        let start = span.start(list)
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
