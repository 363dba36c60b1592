import ByteText
import Foundation
import ObjectStorage
import Serving
import StructuredData

/// A request over HTTP.
struct UploadRequest: Sendable {
    let path: String
    /// The header `Content-Type`.
    let contentType: String
    let body: String

    /// What an upload asks for.
    struct Form: Sendable, Hashable {
        let file: String
        let bucket: String
        let key: String
        let uri: String
        let slug: String?
        let priority: TransferPriority?
        /// Whether the sender waits for the arrival; else the answer comes when the file is in the spool.
        let waits: Bool
    }

    struct Problem: Error, Hashable {
        let message: String
        init(_ message: String) { self.message = "error parsing request: " + message }
    }

    /// The fields of the form in the body, in either of the encodings that forms have, none without a form; and what they
    /// ask for. Looks at the file.
    func parsed() -> (fields: [String: String], form: Result<Form, Problem>) {
        guard let fields = FormFields.read(body, contentType: contentType) else {
            return ([:], .failure(Problem("the form is not well formed")))
        }
        return (fields, Result { () throws(Problem) in try Self.form(fields) })
    }

    private static func form(_ fields: [String: String]) throws(Problem) -> Form {
        guard let file = fields["file"], !file.isEmpty else { throw Problem("missing field: file") }
        guard let uri = fields["uri"], !uri.isEmpty else { throw Problem("missing field: uri") }
        guard !file.contains("\0"), !uri.contains("\0") else { throw Problem("a field has a null byte") }
        guard file.utf8.first == UInt8(ascii: "/") else { throw Problem("only absolute file paths are supported: \(quoted(file))") }
        var status = stat()
        guard stat(file, &status) == 0 else {
            throw Problem(
                "could not stat file \(escaped(file)): stat \(escaped(file)): "
                    + String(cString: strerror(errno)).lowercased())
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Problem("could not stat file \(escaped(file)): not a regular file")
        }
        guard let parsed = try? ResourceURI(uri), parsed.isAbsolute, !uri.contains(where: \.isNewline),
            PercentEncoding.decode(uri) != nil
        else {
            throw Problem("unable to parse URI: \(quoted(uri))")
        }
        guard parsed.scheme == "s3" else { throw Problem("only s3 scheme is supported: \(quoted(uri))") }
        // Without a user.
        let bucket = parsed.authority.split(separator: "@", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard !bucket.isEmpty else { throw Problem("unable to parse bucket from URI: \(quoted(uri))") }
        let key = String(decoding: parsed.path.utf8.dropFirst(), as: UTF8.self)
        guard !key.isEmpty else { throw Problem("unable to parse key from URI: \(quoted(uri))") }
        var priority: TransferPriority?
        if let text = fields["priority"], !text.isEmpty {
            guard let known = TransferPriority(rawValue: text) else {
                throw Problem("priority is none of urgent, normal and bulk: \(quoted(text))")
            }
            priority = known
        }
        return Form(
            file: file, bucket: bucket, key: key, uri: uri, slug: fields["slug"], priority: priority,
            waits: !["0", "false", "no"].contains(fields["wait"]?.lowercased() ?? ""))
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&#34;").replacing("'", with: "&#39;")
    }

    private static func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }
}

/// An answer over HTTP.
struct UploadAnswer: Sendable {
    let status: Int
    var type = "application/json"
    let body: [UInt8]
    /// For the header `X-Error`.
    var error: String?

    /// `{"code":400,"msg":"…","task":{…}}`.
    static func message(_ status: Int, _ message: String, task: TaskDocument? = nil) -> UploadAnswer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("code")
        writer.value(Int64(status))
        writer.key("msg")
        writer.value(message)
        if let task {
            writer.key("task")
            writer.value(encoded: task.bytes)
        }
        writer.endObject()
        // Line ends and other control characters cannot be in a header.
        return UploadAnswer(status: status, body: writer.bytes, error: status < 300 ? nil : message.onOneLine)
    }
}
