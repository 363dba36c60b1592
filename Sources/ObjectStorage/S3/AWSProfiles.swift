/// The profiles in the credentials and configuration files of AWS tools: sections of `name = value` lines.
///
/// Nested settings, which are indented, are not looked at. Source: the AWS SDK reference, "Shared config and
/// credentials files".
struct AWSProfiles: Sendable {
    private var sections: [String: [String: String]] = [:]

    /// - Parameters:
    ///   - credentials: the text of the credentials file, in which a section is named like its profile.
    ///   - configuration: the text of the configuration file, in which a section is named `profile NAME`.
    init(credentials: String = "", configuration: String = "") {
        for (name, values) in Self.sections(of: configuration) {
            let words = name.split(whereSeparator: \.isWhitespace)
            if words.count == 2, words[0] == "profile" {
                sections[String(words[1])] = values
            } else if name == "default" {
                sections[name] = values
            }
        }
        for (name, values) in Self.sections(of: credentials) {
            sections[name, default: [:]].merge(values) { $1 }
        }
    }

    func contains(_ profile: String) -> Bool { sections[profile] != nil }

    subscript(profile: String, key: String) -> String? {
        sections[profile]?[key].flatMap { $0.isEmpty ? nil : $0 }
    }

    func credentials(_ profile: String) -> S3Credentials? {
        S3Credentials(
            id: self[profile, "aws_access_key_id"], secret: self[profile, "aws_secret_access_key"],
            token: self[profile, "aws_session_token"] ?? self[profile, "aws_security_token"])
    }

    private static func sections(of text: String) -> [(name: String, values: [String: String])] {
        var sections: [(name: String, values: [String: String])] = []
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[", let end = line.firstIndex(of: "]") {
                sections.append((trimmed(line[line.index(after: line.startIndex)..<end]), [:]))
            } else if let equals = line.firstIndex(of: "="), !sections.isEmpty {
                sections[sections.count - 1].values[trimmed(line[..<equals]).lowercased()] = trimmed(
                    line[line.index(after: equals)...])
            }
        }
        return sections
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
