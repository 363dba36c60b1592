import Foundation
import Serving

/// The fields of a form, as programs send it: `application/x-www-form-urlencoded`, or `multipart/form-data` (RFC 7578).
enum FormFields {
    /// - Returns: of fields that are given twice the first; nothing for other types of content; `nil` for a form that is not
    ///   well formed.
    static func read(_ body: String, contentType: String) -> [String: String]? {
        let type = contentType.prefix { $0 != ";" }.trimming(while: \.isWhitespace).lowercased()
        switch type {
        case "application/x-www-form-urlencoded": return pairs(body)
        case "multipart/form-data":
            guard let boundary = parameter("boundary", of: contentType), boundary.utf8.count <= longestBoundary else {
                return nil
            }
            return parts(Data(body.utf8), boundary)
        default: return [:]
        }
    }

    /// Bytes. Source: RFC 2046, section 5.1.1.
    private static let longestBoundary = 70

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

    private static func parts(_ body: Data, _ boundary: String) -> [String: String]? {
        var fields: [String: String] = [:]
        let mark = Data(("\r\n--" + boundary).utf8)
        // The first one may stand at the beginning.
        let text = Data("\r\n".utf8) + body
        guard var last = text.range(of: mark) else { return nil }
        while let next = text.range(of: mark, in: last.upperBound..<text.endIndex) {
            let piece = last.upperBound..<next.lowerBound
            guard let end = text.range(of: Data("\r\n\r\n".utf8), in: piece) else { return nil }
            let head = String(decoding: text[piece.lowerBound..<end.lowerBound], as: UTF8.self)
            for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-disposition:") {
                guard let name = parameter("name", of: String(line)) else { return nil }
                let value = String(decoding: text[end.upperBound..<piece.upperBound], as: UTF8.self)
                if fields[name] == nil { fields[name] = value }
            }
            last = next
        }
        return text[last.upperBound...].starts(with: Data("--".utf8)) ? fields : nil
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
