/// A node of a YAML document before its tag gives it a meaning: what was written, and where.
public struct YAMLNode: Sendable {
    public struct Entry: Sendable {
        public var key: YAMLNode
        public var value: YAMLNode

        public init(key: YAMLNode, value: YAMLNode) {
            self.key = key
            self.value = value
        }
    }

    public enum Content: Sendable {
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([Entry])
    }

    /// The full tag: `tag:yaml.org,2002:int`, `!include`, `lsst.sphgeom.Box`. A node written without one has the
    /// tag that the rules of YAML 1.1 give it.
    public var tag: String
    public var content: Content
    public var position: TextPosition

    public init(tag: String, content: Content, position: TextPosition = TextPosition(line: 1, column: 1)) {
        self.tag = tag
        self.content = content
        self.position = position
    }

    /// What a message calls this kind of node.
    public var kindName: String {
        switch content {
        case .scalar: "a scalar"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// The tags of the YAML 1.1 type repository.
public enum YAMLTag {
    public static let null = "tag:yaml.org,2002:null"
    public static let bool = "tag:yaml.org,2002:bool"
    public static let int = "tag:yaml.org,2002:int"
    public static let float = "tag:yaml.org,2002:float"
    public static let string = "tag:yaml.org,2002:str"
    public static let binary = "tag:yaml.org,2002:binary"
    public static let timestamp = "tag:yaml.org,2002:timestamp"
    public static let merge = "tag:yaml.org,2002:merge"
    public static let value = "tag:yaml.org,2002:value"
    public static let sequence = "tag:yaml.org,2002:seq"
    public static let mapping = "tag:yaml.org,2002:map"
    public static let orderedMapping = "tag:yaml.org,2002:omap"
    public static let pairs = "tag:yaml.org,2002:pairs"
    public static let set = "tag:yaml.org,2002:set"

    static let standardPrefix = "tag:yaml.org,2002:"

    /// The tag as one writes it in a document: `!!int`, `!include`, `!<lsst.sphgeom.Box>`.
    public static func shorthand(_ tag: String) -> String {
        if tag.hasPrefix(standardPrefix), tag.utf8.count > standardPrefix.utf8.count {
            return "!!" + escaped(tag.dropFirst(standardPrefix.count), allowsMark: true)
        }
        if tag.hasPrefix("!") { return "!" + escaped(tag.dropFirst(), allowsMark: false) }
        return "!<" + escaped(tag[...], allowsMark: true) + ">"
    }

    private static let literal = Set(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-;/?:@&=+$,_.~*'()[]".utf8)

    private static func escaped(_ text: Substring, allowsMark: Bool) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if literal.contains(byte) || (allowsMark && byte == UInt8(ascii: "!")) {
                result.append(byte)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result.append(contentsOf: (digits.utf8.count == 1 ? "%0" : "%").utf8)
                result.append(contentsOf: digits.utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
