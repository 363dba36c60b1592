import Foundation
import Serving

/// Requests in the files of the spool: `A ID PRIORITY TIME DESTINATIONS AFTERWARDS FILE BUCKET KEY =SLUG =URI`, and of one
/// that was set aside and brought back, when it was set aside.
extension TransferRequest {
    /// With its end.
    var line: String {
        var fields = [
            id.uuidString, priority.rawValue, String(accepted), pending.joined(separator: ","),
            (deletes ? "delete" : "keep") + (isDropped ? "-dropped" : ""), PercentEncoding.encode(file),
            PercentEncoding.encode(bucket), PercentEncoding.encode(key), "=" + PercentEncoding.encode(slug ?? ""),
            "=" + PercentEncoding.encode(uri),
        ]
        if let wasSetAside { fields.append(String(wasSetAside)) }
        return "A " + fields.joined(separator: " ") + "\n"
    }

    /// What the journal has of it: the request, and who refuses it since when.
    var lines: String {
        line + refused.sorted { $0.key < $1.key }.map { "F \(id.uuidString) \($0) \($1)\n" }.joined()
    }

    /// - Parameter fields: the words of a line; `nil` for other lines.
    init?(_ fields: some Collection<Substring>) {
        let fields = Array(fields)
        guard fields.count == 11 || fields.count == 12, fields[0] == "A", let id = UUID(uuidString: String(fields[1])),
            let priority = TransferPriority(rawValue: String(fields[2])), let accepted = Double(fields[3]),
            let file = PercentEncoding.decode(fields[6]), let bucket = PercentEncoding.decode(fields[7]),
            let key = PercentEncoding.decode(fields[8]), let slug = PercentEncoding.decode(fields[9].dropFirst()),
            let uri = PercentEncoding.decode(fields[10].dropFirst())
        else { return nil }
        let wasSetAside = fields.count == 12 ? Double(fields[11]) : nil
        guard fields.count == 11 || wasSetAside != nil else { return nil }
        self.init(
            id: id, file: file, bucket: bucket, key: key, priority: priority, slug: slug.isEmpty ? nil : slug,
            uri: uri, accepted: accepted, pending: fields[4].split(separator: ",").map(String.init),
            deletes: fields[5].hasPrefix("delete"), isDropped: fields[5].hasSuffix("-dropped"),
            wasSetAside: wasSetAside)
    }
}
