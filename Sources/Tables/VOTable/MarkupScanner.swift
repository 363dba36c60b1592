/// What an XML document holds, piece by piece, without a tree. Namespaces are cut off; entities are the five predefined ones
/// and numbers, so nothing expands.
struct MarkupScanner {
    enum Piece {
        case start(name: String, attributes: [String: String])
        case end(name: String)
        case text([UInt8])
    }

    struct Malformed: Error {
        let line: Int
        let reason: String
    }

    private let bytes: [UInt8]
    private var position = 0
    /// The end of an element that had none of its own.
    private var pendingEnd: String?
    private var open: [String] = []
    private static let deepest = 64

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The line of the next piece, from 1. Cost: O(bytes before).
    var line: Int { bytes[..<min(position, bytes.count)].count { $0 == UInt8(ascii: "\n") } + 1 }

    private func malformed(_ reason: String) -> Malformed { Malformed(line: line, reason: reason) }

    /// - Returns: `nil` at the end of the document.
    mutating func next() throws(Malformed) -> Piece? {
        if let name = pendingEnd {
            pendingEnd = nil
            open.removeLast()
            return .end(name: name)
        }
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "<") else {
                let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.endIndex
                let text = bytes[position..<end]
                if open.isEmpty {
                    position = end
                    continue
                }
                guard let plain = Self.unescaped(text) else { throw malformed("an entity is unknown") }
                position = end
                return .text(plain)
            }
            if skips("<!--") {
                try pass("-->")
            } else if skips("<![CDATA[") {
                let start = position
                try pass("]]>")
                return .text(Array(bytes[start..<(position - 3)]))
            } else if skips("<?") {
                try pass("?>")
            } else if skips("<!") {
                let start = position
                try pass(">")
                guard !bytes[start..<position].contains(UInt8(ascii: "[")) else {
                    throw malformed("it defines entities or elements of its own")
                }
            } else {
                return try tag()
            }
        }
        guard open.isEmpty else { throw malformed("<\(open.last ?? "")> is not closed") }
        return nil
    }

    private mutating func skips(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func pass(_ mark: String) throws(Malformed) {
        guard let found = bytes[position...].firstRange(of: mark.utf8) else { throw malformed("'\(mark)' is missing") }
        position = found.upperBound
    }

    private mutating func tag() throws(Malformed) -> Piece {
        position += 1
        let isEnd = skips("/")
        let name = word()
        guard !name.isEmpty else { throw malformed("a '<' begins no element") }
        if isEnd {
            try pass(">")
            guard open.popLast() == name else { throw malformed("</\(name)> ends an element that was not begun") }
            return .end(name: name)
        }
        var attributes: [String: String] = [:]
        while true {
            skipBlanks()
            guard position < bytes.count else { throw malformed("<\(name)> is cut") }
            if skips("/>") {
                pendingEnd = name
                break
            }
            if skips(">") { break }
            let key = word()
            skipBlanks()
            guard !key.isEmpty, skips("=") else { throw malformed("<\(name)> has an attribute without a value") }
            skipBlanks()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "'"),
                let end = bytes[(position + 1)...].firstIndex(of: bytes[position]),
                let value = Self.unescaped(bytes[(position + 1)..<end])
            else { throw malformed("the value of '\(key)' in <\(name)> is not in quotation marks") }
            attributes[key] = String(decoding: value, as: UTF8.self)
            position = end + 1
        }
        guard open.count < Self.deepest else { throw malformed("elements are nested too deep") }
        open.append(name)
        return .start(name: name, attributes: attributes)
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [9, 10, 13, 32].contains(bytes[position]) { position += 1 }
    }

    /// A name without its prefix.
    private mutating func word() -> String {
        let start = position
        while position < bytes.count, ![9, 10, 13, 32].contains(bytes[position]),
            !"<>/='\"".utf8.contains(bytes[position])
        { position += 1 }
        let name = bytes[start..<position]
        let local = name.lastIndex(of: UInt8(ascii: ":")).map { name[(name.index(after: $0))...] } ?? name
        return String(decoding: local, as: UTF8.self)
    }

    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.contains(UInt8(ascii: "&")) else { return Array(text) }
        var result: [UInt8] = []
        var rest = text
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            result += rest[..<ampersand]
            guard let end = rest[ampersand...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
            let name = String(decoding: rest[(ampersand + 1)..<end], as: UTF8.self)
            switch name {
            case "amp": result.append(UInt8(ascii: "&"))
            case "lt": result.append(UInt8(ascii: "<"))
            case "gt": result.append(UInt8(ascii: ">"))
            case "quot": result.append(UInt8(ascii: "\""))
            case "apos": result.append(UInt8(ascii: "'"))
            default:
                let isHexadecimal = name.hasPrefix("#x")
                guard name.hasPrefix("#"),
                    let code = UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10),
                    let scalar = UnicodeScalar(code)
                else { return nil }
                result += Array(String(scalar).utf8)
            }
            rest = rest[(end + 1)...]
        }
        return result + rest
    }
}
