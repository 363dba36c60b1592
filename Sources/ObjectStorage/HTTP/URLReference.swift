/// References from one address of the web to another. Source: RFC 3986, section 5.2.
enum URLReference {
    /// The address that a reference means in an answer from another address; `nil` for schemes other than http and
    /// https. A fragment is left out.
    ///
    /// - Parameter base: an absolute address.
    static func resolve(_ reference: String, from base: String) -> String? {
        let reference = String(reference.prefix { $0 != "#" })
        if let scheme = scheme(of: reference) {
            return ["http", "https"].contains(scheme.lowercased()) ? reference : nil
        }
        guard let scheme = scheme(of: base) else { return nil }
        let start = base.index(base.startIndex, offsetBy: scheme.count + 3, limitedBy: base.endIndex) ?? base.endIndex
        if reference.hasPrefix("//") { return "\(scheme):\(reference)" }
        let end = base[start...].firstIndex { "/?#".contains($0) } ?? base.endIndex
        let origin = base[..<end]
        let path = base[end...].prefix { $0 != "?" && $0 != "#" }
        if reference.isEmpty { return String(base.prefix { $0 != "#" }) }
        if reference.hasPrefix("?") { return "\(origin)\(path)\(reference)" }
        let own = reference.prefix { $0 != "?" }
        let query = reference[own.endIndex...]
        let folder = own.hasPrefix("/") ? "" : path[..<(path.lastIndex(of: "/") ?? path.startIndex)] + "/"
        return "\(origin)\(withoutDots(folder + own))\(query)"
    }

    /// What is before `://`, or before the colon of another scheme.
    private static func scheme(of text: String) -> String? {
        guard let colon = text.firstIndex(where: { ":/?#".contains($0) }), text[colon] == ":",
            text.first?.isLetter ?? false
        else { return nil }
        return String(text[..<colon])
    }

    /// Empty parts stay.
    private static func withoutDots(_ path: String) -> String {
        var parts: [Substring] = []
        let all = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (number, part) in all.enumerated() {
            let isLast = number == all.count - 1
            switch part {
            case ".": if isLast { parts.append("") }
            case "..":
                _ = parts.popLast()
                if isLast { parts.append("") }
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}
