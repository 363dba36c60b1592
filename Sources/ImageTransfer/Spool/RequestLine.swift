import Foundation
import Serving

/// Requests in the files of the spool: `A ID PRIORITY TIME DESTINATIONS AFTERWARDS FILE BUCKET KEY =SLUG =URI`.
extension TransferRequest {
    /// With its end.
    var line: String {
        var text = "A "
        text.reserveCapacity(256)
        func add(_ word: String, _ end: String = " ") {
            text += word
            text += end
        }
        add(id.uuidString)
        add(priority.rawValue)
        add(String(accepted))
        add(pending.count == 1 ? pending[0] : pending.joined(separator: ","))
        add(deletes ? "delete" : "keep", isDropped ? "-dropped " : " ")
        for field in [file, bucket, key] { add(PercentEncoding.encode(field)) }
        text += "="
        add(PercentEncoding.encode(slug ?? ""), " =")
        add(PercentEncoding.encode(uri), "\n")
        return text
    }

    /// What the journal has of it: the request, who refuses it since when, and for whom it was brought back.
    var lines: String {
        func times(_ mark: String, _ times: [String: Double]) -> String {
            times.sorted { $0.key < $1.key }.map { Self.timeLine(mark, id, $0, $1) }.joined()
        }
        return line + times("F", refused) + times("B", broughtBack)
    }

    /// `F` or `B`, `ID DESTINATION TIME`; a time of 0 takes it back.
    static func timeLine(_ mark: String, _ id: UUID, _ destination: String, _ time: Double) -> String {
        "\(mark) \(id.uuidString) \(destination) \(time)\n"
    }

    /// Seconds since 1970, up to the year 2255; `nil` for other texts.
    static func time(_ text: Substring) -> Double? {
        Double(text).flatMap { (0...9e9).contains($0) ? $0 : nil }
    }

    /// - Parameter fields: the words of a line; `nil` for other lines.
    init?(_ fields: some Collection<Substring>) {
        let fields = Array(fields)
        guard fields.count == 11, fields[0] == "A", let id = UUID(uuidString: String(fields[1])),
            let priority = TransferPriority(rawValue: String(fields[2])), let accepted = Self.time(fields[3]),
            let file = PercentEncoding.decode(fields[6]), let bucket = PercentEncoding.decode(fields[7]),
            let key = PercentEncoding.decode(fields[8]), let slug = PercentEncoding.decode(fields[9].dropFirst()),
            let uri = PercentEncoding.decode(fields[10].dropFirst())
        else { return nil }
        self.init(
            id: id, file: file, bucket: bucket, key: key, priority: priority, slug: slug.isEmpty ? nil : slug,
            uri: uri, accepted: accepted, pending: fields[4].split(separator: ",").map(String.init),
            deletes: fields[5].hasPrefix("delete"), isDropped: fields[5].hasSuffix("-dropped"))
    }
}
