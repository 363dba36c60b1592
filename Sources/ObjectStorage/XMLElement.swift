/// An element of an answer in XML: local name, text and children. Attributes and namespaces are not kept.
///
/// Only what storage services send is understood: no document types, and no entities but the five predefined ones
/// and numbers.
struct XMLElement: Sendable {
    var name: String
    var text = ""
    var children: [XMLElement] = []

    private static let deepest = 64

    /// `nil` for text that is not well formed.
    init?(_ document: String) {
        var stack: [XMLElement] = []
        var root: XMLElement?
        // Marks that combine with what is before them are text all the same after a tag.
        var rest = Substring(document).unicodeScalars
        while let open = rest.firstIndex(of: "<") {
            if !stack.isEmpty {
                guard let text = Self.unescaped(Substring(rest[..<open])) else { return nil }
                stack[stack.count - 1].text += text
            }
            rest = rest[open...]
            if rest.starts(with: "<![CDATA[".unicodeScalars) {
                guard let end = rest.firstRange(of: "]]>".unicodeScalars), !stack.isEmpty else { return nil }
                stack[stack.count - 1].text += Substring(rest[..<end.lowerBound].dropFirst(9))
                rest = rest[end.upperBound...]
                continue
            }
            if rest.starts(with: "<!--".unicodeScalars) {
                guard let end = rest.firstRange(of: "-->".unicodeScalars) else { return nil }
                rest = rest[end.upperBound...]
                continue
            }
            guard !rest.starts(with: "<!".unicodeScalars), let close = rest.firstIndex(of: ">") else { return nil }
            let tag = Substring(rest[rest.index(after: open)..<close])
            rest = rest[rest.index(after: close)...]
            if tag.hasPrefix("?") { continue }
            if tag.hasPrefix("/") {
                guard let element = stack.popLast(), element.name == Self.localName(tag.dropFirst()) else { return nil }
                if stack.isEmpty { root = element } else { stack[stack.count - 1].children.append(element) }
                continue
            }
            guard root == nil, stack.count < Self.deepest else { return nil }
            let element = XMLElement(named: Self.localName(tag.last == "/" ? tag.dropLast() : tag))
            if tag.last != "/" {
                stack.append(element)
            } else if stack.isEmpty {
                root = element
            } else {
                stack[stack.count - 1].children.append(element)
            }
        }
        guard stack.isEmpty, let root else { return nil }
        self = root
    }

    private init(named name: String) { self.name = name }

    /// The first child of a name.
    subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    private static func localName(_ tag: Substring) -> String {
        let name = tag.prefix { !$0.isWhitespace }
        return String(name.lastIndex(of: ":").map { name[name.index(after: $0)...] } ?? name)
    }

    private static func unescaped(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "&")) else { return String(text) }
        var result = ""
        var rest = text.unicodeScalars
        while let ampersand = rest.firstIndex(of: "&") {
            result.unicodeScalars += rest[..<ampersand]
            guard let end = rest[ampersand...].firstIndex(of: ";") else { return nil }
            let name = Substring(rest[rest.index(after: ampersand)..<end])
            switch name {
            case "amp": result += "&"
            case "lt": result += "<"
            case "gt": result += ">"
            case "quot": result += "\""
            case "apos": result += "'"
            default:
                let isHexadecimal = name.hasPrefix("#x") || name.hasPrefix("#X")
                guard name.hasPrefix("#"),
                    let code = UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10),
                    let scalar = UnicodeScalar(code)
                else { return nil }
                result.unicodeScalars.append(scalar)
            }
            rest = rest[rest.index(after: end)...]
        }
        result.unicodeScalars += rest
        return result
    }

    /// Text made fit for an element.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            // Line ends would be normalised, and other control characters are not allowed as they are.
            case let control where control.value < 0x20: result += "&#\(control.value);"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
