import Foundation
import StructuredData

/// What the newer program says of an upload, in its logs and answers.
struct TaskDocument {
    let bytes: [UInt8]

    init(_ request: TransferRequest, _ report: TransferReport, succeeded: Bool) {
        self.init(
            id: request.id, uri: request.uri.isEmpty ? "s3://\(request.bucket)/\(request.key)" : request.uri,
            file: request.file, slug: request.slug, report, succeeded: succeeded)
    }

    init(id: UUID, uri: String, file: String, slug: String?, _ report: TransferReport, succeeded: Bool) {
        var writer = JSONWriter()
        func text(_ key: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            writer.key(key)
            writer.value(value)
        }
        func number(_ key: String, _ value: Double) {
            guard value != 0 else { return }
            writer.key(key)
            writer.value(value)
        }
        writer.beginObject()
        text("id", id.uuidString.lowercased())
        text("uri", uri)
        text("file", file)
        if report.seconds > 0 { text("duration", GoText.duration(report.seconds)) }
        number("duration_seconds", report.seconds)
        if report.attempts > 0 {
            writer.key("attempts")
            writer.value(Int64(report.attempts))
        }
        writer.key("size_bytes")
        writer.value(report.size)
        if succeeded {
            writer.key("upload_parts")
            writer.value(Int64(report.parts))
        }
        if succeeded, report.seconds > 0 {
            let rate = Double(report.size) * 8 / Double(1 << 20) / report.seconds
            text("transfer_rate", String(format: "%.3f", rate) + "Mbit/s")
            number("transfer_rate_mbits", rate)
        }
        text("slug", slug)
        writer.endObject()
        bytes = writer.bytes
    }
}
