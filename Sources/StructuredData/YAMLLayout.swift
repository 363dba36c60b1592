/// The columns, indents and line folds of a YAML text being written, and the four ways to write a scalar.
struct YAMLLayout {
    private(set) var bytes: [UInt8] = []
    private let width: Int
    private var column = 0
    private var currentIndent: Int?
    private var indents: [Int?] = []
    /// Whether the last character is a blank or a break, so that the next indicator needs none.
    private var isBlank = true
    /// Whether the line so far is indent and indicators only.
    private(set) var isIndention = true

    private static let step = 2

    init(width: Int) {
        // PyYAML falls back to 80 when the width is not more than twice the indent.
        self.width = width > 2 * Self.step ? width : 80
    }

    /// Whether the line is longer than it should be.
    var isBeyondWidth: Bool { column > width }

    // MARK: Indent

    mutating func pushIndent(isFlow: Bool, keeps: Bool) {
        indents.append(currentIndent)
        if let indent = currentIndent {
            if !keeps { currentIndent = indent + Self.step }
        } else {
            currentIndent = isFlow ? Self.step : 0
        }
    }

    mutating func popIndent() { currentIndent = indents.popLast() ?? nil }

    mutating func indent() {
        let indent = currentIndent ?? 0
        if !isIndention || column > indent || (column == indent && !isBlank) { lineBreak() }
        if column < indent {
            isBlank = true
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent - column))
            column = indent
        }
    }

    /// Ends the document's last line.
    mutating func breakIfNeeded() {
        currentIndent = nil
        indent()
    }

    /// Tells a reader that the document ends here, after text that could go on.
    mutating func endOpenDocument() {
        indicator("...", needsBlank: true)
        indent()
    }

    private mutating func lineBreak(_ scalar: Unicode.Scalar = "\n") {
        bytes.append(contentsOf: scalar.utf8)
        isBlank = true
        isIndention = true
        column = 0
    }

    mutating func indicator(_ text: String, needsBlank: Bool, isBlank: Bool = false, isIndention: Bool = false) {
        if needsBlank, !self.isBlank {
            bytes.append(UInt8(ascii: " "))
            column += 1
        }
        bytes.append(contentsOf: text.utf8)
        column += text.unicodeScalars.count
        self.isBlank = isBlank
        self.isIndention = self.isIndention && isIndention
    }

    private mutating func write(_ scalars: some Collection<Unicode.Scalar>) {
        for scalar in scalars { bytes.append(contentsOf: scalar.utf8) }
        column += scalars.count
    }

    // MARK: Scalars

    /// Writes text without quotes. It has no breaks: text with breaks is always quoted.
    mutating func plain(_ text: [Unicode.Scalar], splits: Bool) {
        guard !text.isEmpty else { return }
        if !isBlank {
            bytes.append(UInt8(ascii: " "))
            column += 1
        }
        isBlank = false
        isIndention = false
        var index = 0
        while index < text.count {
            let end = text[index...].firstIndex { ($0 == " ") != (text[index] == " ") } ?? text.count
            if text[index] == " ", end == index + 1, splits, column > width {
                indent()
                isBlank = false
                isIndention = false
            } else {
                write(text[index..<end])
            }
            index = end
        }
    }

    mutating func singleQuoted(_ text: [Unicode.Scalar], splits: Bool) {
        indicator("'", needsBlank: true)
        var index = 0
        while index < text.count {
            if text[index] == " " {
                let end = text[index...].firstIndex { $0 != " " } ?? text.count
                if end == index + 1, splits, column > width, index != 0, end != text.count {
                    indent()
                } else {
                    write(text[index..<end])
                }
                index = end
            } else if YAMLAnalysis.isBreak(text[index]) {
                let end = text[index...].firstIndex { !YAMLAnalysis.isBreak($0) } ?? text.count
                if text[index] == "\n" { lineBreak() }
                for scalar in text[index..<end] { lineBreak(scalar) }
                indent()
                index = end
            } else if text[index] == "'" {
                write(["'", "'"])
                index += 1
            } else {
                let end = text[index...].firstIndex { $0 == " " || $0 == "'" || YAMLAnalysis.isBreak($0) } ?? text.count
                write(text[index..<end])
                index = end
            }
        }
        indicator("'", needsBlank: false)
    }

    /// Writes text with escapes. `start` is the first scalar that is not written yet: a run is written when an
    /// escape or a fold comes.
    mutating func doubleQuoted(_ text: [Unicode.Scalar], splits: Bool, allowsUnicode: Bool) {
        indicator("\"", needsBlank: true)
        var start = 0
        for (index, scalar) in text.enumerated() {
            if Self.needsEscape(scalar, allowsUnicode: allowsUnicode) {
                write(text[start..<index])
                write(Array(Self.escape(scalar).unicodeScalars))
                start = index + 1
            }
            guard index > 0, index < text.count - 1, splits, scalar == " " || start >= index,
                column + (index - start) > width
            else { continue }
            if start < index {
                write(text[start..<index])
                start = index
            }
            write(["\\"])
            indent()
            isBlank = false
            isIndention = false
            if text[start] == " " { write(["\\"]) }
        }
        write(text[min(start, text.count)...])
        indicator("\"", needsBlank: false)
    }

    /// Writes text as a literal block, and tells whether its end needs a mark before a following document.
    mutating func literal(_ text: [Unicode.Scalar]) -> Bool {
        var hints = ""
        if let first = text.first, first == " " || YAMLAnalysis.isBreak(first) { hints += String(Self.step) }
        let endsWithBreak = text.last.map(YAMLAnalysis.isBreak) ?? true
        let keeps = endsWithBreak && !text.isEmpty && (text.count == 1 || YAMLAnalysis.isBreak(text[text.count - 2]))
        if !endsWithBreak { hints += "-" } else if keeps { hints += "+" }
        indicator("|" + hints, needsBlank: true)
        lineBreak()
        var index = 0
        while index < text.count {
            if YAMLAnalysis.isBreak(text[index]) {
                lineBreak(text[index])
                index += 1
                continue
            }
            let end = text[index...].firstIndex(where: YAMLAnalysis.isBreak) ?? text.count
            indent()
            for scalar in text[index..<end] { bytes.append(contentsOf: scalar.utf8) }
            if end == text.count { lineBreak() }
            index = end
        }
        return keeps
    }

    // MARK: Escapes

    private static func needsEscape(_ scalar: Unicode.Scalar, allowsUnicode: Bool) -> Bool {
        switch scalar.value {
        case 0x22, 0x5C, 0x85, 0x2028, 0x2029, 0xFEFF: true
        case 0x20...0x7E: false
        case 0xA0...0xD7FF, 0xE000...0xFFFD: !allowsUnicode
        default: true
        }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0x00: return "\\0"
        case 0x07: return "\\a"
        case 0x08: return "\\b"
        case 0x09: return "\\t"
        case 0x0A: return "\\n"
        case 0x0B: return "\\v"
        case 0x0C: return "\\f"
        case 0x0D: return "\\r"
        case 0x1B: return "\\e"
        case 0x22: return "\\\""
        case 0x5C: return "\\\\"
        case 0x85: return "\\N"
        case 0xA0: return "\\_"
        case 0x2028: return "\\L"
        case 0x2029: return "\\P"
        default:
            let digits = String(scalar.value, radix: 16, uppercase: true)
            let (letter, length) = scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
            return "\\" + letter + String(repeating: "0", count: length - digits.count) + digits
        }
    }
}
