import Serving

/// The fields of a form, as programs send it: `application/x-www-form-urlencoded`, or `multipart/form-data` (RFC 7578).
enum FormFields {
    /// - Returns: of fields that are given twice the first; nothing for other types of content; `nil` for a form that is not
    ///   well formed.
    static func read(_ body: String, contentType: String) -> [String: String]? {
        let type = contentType.prefix { $0 != ";" }.trimming(while: \.isWhitespace).lowercased()
        switch type {
        case "application/x-www-form-urlencoded": return pairs(body)
        case "multipart/form-data": return parameter("boundary", of: contentType).flatMap { parts(body, $0) }
        default: return [:]
        }
    }

    private static func pairs(_ body: String) -> [String: String]? {
        var fields: [String: String] = [:]
        for pair in body.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0], plusIsSpace: true),
                let value = PercentEncoding.decode(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else { return nil }
            if fields[name] == nil { fields[name] = value }
        }
        return fields
    }

    private static func parts(_ body: String, _ boundary: String) -> [String: String]? {
        var fields: [String: String] = [:]
        // The first one may stand at the beginning.
        let pieces = ("\r\n" + body).split(separator: "\r\n--" + boundary, omittingEmptySubsequences: false)
        guard pieces.count > 1, pieces.last?.hasPrefix("--") ?? false else { return nil }
        for piece in pieces.dropFirst().dropLast() {
            guard let end = piece.firstRange(of: "\r\n\r\n") else { return nil }
            for line in piece[..<end.lowerBound].split(separator: "\r\n")
            where line.lowercased().hasPrefix("content-disposition:") {
                guard let name = parameter("name", of: String(line)) else { return nil }
                if fields[name] == nil { fields[name] = String(piece[end.upperBound...]) }
            }
        }
        return fields
    }

    /// `form-data; name="file"`: what comes after the sign, without quotation marks.
    private static func parameter(_ name: String, of header: String) -> String? {
        for part in header.split(separator: ";").dropFirst() {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, sides[0].trimming(while: \.isWhitespace).lowercased() == name else { continue }
            let value = sides[1].trimming { $0.isWhitespace || $0 == "\"" }
            return value.isEmpty ? nil : String(value)
        }
        return nil
    }
}
