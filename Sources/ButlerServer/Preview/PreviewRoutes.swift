import FITS
import HTTPTypes
import Hummingbird
import Serving
import StructuredData
import Synchronization
import Tables

/// `GET ui/preview/{id}?component=&member=&hdu=&rows=`: a look at a stored file, as JSON.
///
/// `kind` says what it is: `image` (averages over blocks, as base64 of little-endian 32-bit floats), `table` (its first
/// rows), `document` (JSON or YAML as a value), `text`, `header` (FITS without data), `archive` (a zip file, of which
/// `member` chooses a file) or `none` with a `remark`.
extension ButlerRoutes {
    /// FITS files have to be held and decoded in memory.
    private static let largestFITS: Int64 = 256 << 20
    private static let head: Int64 = 1 << 18
    private static let mostRows = 500

    func addPreview(to routes: ServiceRoutes) {
        let gate = PreviewGate()
        add("ui/preview/{id}", [.get], to: routes) { call in
            let query = try QueryString(call.request)
            let hdu = try query["hdu"].map { text throws(ValidationFailure) in try Self.number(text, "hdu") }
            let rows = try query["rows"].map { text throws(ValidationFailure) in try Self.number(text, "rows") } ?? 100
            let file = try await selectedFile(call)
            let member = try query["member"]
            guard let path = file.location.localPath, file.location.fragment.isEmpty || file.location.zipMember != nil
            else {
                return .json(.object(Self.nothing("Files of this kind of storage can only be downloaded.")))
            }
            guard gate.enter() else {
                throw HTTPFailure(
                    .serviceUnavailable, "The server is making other previews; try again in a moment.",
                    headers: [.retryAfter: "1"])
            }
            defer { gate.leave() }
            let name = file.location.basename
            var members: StructuredMapping
            if file.location.zipMember != nil || name.lowercased().hasSuffix(".zip") {
                // A dataset in an archive of many is that one member; what else is there belongs to other datasets.
                let archive = ArchivePreview(path: path, name: name, only: file.location.zipMember)
                members = try await archive.document(member) { bytes, member in
                    try Self.preview(
                        bytes, size: Int64(bytes.count), name: member, hdu: hdu, rows: min(rows, Self.mostRows))
                }
            } else if Self.isParquet(name) {
                guard member == nil else { throw HTTPFailure(.notFound, "The file '\(name)' has no members.") }
                // Parquet is read from the file, and only the rows that are shown.
                members = try await BoundedFile.read(path, limit: 0, head: 0) {
                    Self.parquet(path, size: $0.size, rows: min(rows, Self.mostRows))
                }
            } else {
                guard member == nil else { throw HTTPFailure(.notFound, "The file '\(name)' has no members.") }
                members = try await BoundedFile.read(path, limit: Self.limit(name), head: Self.head) {
                    try Self.preview($0.bytes, size: $0.size, name: name, hdu: hdu, rows: min(rows, Self.mostRows))
                }
            }
            members["name"] = .string(name)
            return .json(.object(members), headers: [.xContentTypeOptions: "nosniff"])
        }
    }

    private static func number(_ text: String, _ name: String) throws(ValidationFailure) -> Int {
        guard let number = Int(text), number >= 0 else {
            throw ValidationFailure(.init("int_parsing", ["query", .key(name)], "Input should be a whole number"))
        }
        return number
    }

    private static func isFITS(_ name: String) -> Bool { [".fits", ".fit", ".fz"].contains { name.hasSuffix($0) } }

    private static func isParquet(_ name: String) -> Bool {
        [".parq", ".parquet"].contains { name.lowercased().hasSuffix($0) }
    }

    private static func limit(_ name: String) -> Int64 {
        isFITS(name.lowercased()) ? largestFITS : DocumentPreview.largestDocument
    }

    /// - Parameter bytes: all of the file, or its beginning.
    private static func preview(
        _ bytes: [UInt8], size: Int64, name: String, hdu: Int?, rows: Int
    ) throws -> StructuredMapping {
        let name = name.lowercased()
        let isWhole = Int64(bytes.count) == size
        var members: StructuredMapping
        if isFITS(name) {
            guard isWhole else { return nothing("The file is too large to be shown: it has \(size) bytes.") }
            do {
                members = try FITSPreview.document(bytes, hdu: hdu, rows: rows)
            } catch let error as FITSError {
                members = nothing("\(error)")
            }
        } else {
            switch name.split(separator: ".").last {
            case "json": members = DocumentPreview.document(bytes, format: "JSON", isWhole: isWhole)
            case "yaml", "yml": members = DocumentPreview.document(bytes, format: "YAML", isWhole: isWhole)
            case "ecsv", "csv":
                members = TextTablePreview.document(
                    String(decoding: bytes, as: UTF8.self), format: name.hasSuffix(".ecsv") ? "ECSV" : "CSV",
                    isWhole: isWhole, rows: rows)
            case "txt", "log", "md", "xml", "html":
                members = DocumentPreview.text(
                    bytes, format: "Text", remark: isWhole ? nil : "This is the beginning of the file.")
            case "parq", "parquet":
                members = nothing("Parquet in a zip file is not shown; download the file to see it.")
            default: members = nothing("There is no preview for this kind of file.")
            }
        }
        members["size"] = .int(size)
        return members
    }

    private static func parquet(_ path: String, size: Int64, rows: Int) -> StructuredMapping {
        var members: StructuredMapping
        do throws(TableError) {
            members = try ParquetPreview.document(path, rows: rows)
        } catch .withoutParquet(_) {
            members = nothing("This server was built without a reader for Parquet; download the file to see it.")
        } catch {
            // The text names the file by its path on the server, which is nobody's business.
            members = nothing("The file is not usable Parquet.")
        }
        members["size"] = .int(size)
        return members
    }

    static func nothing(_ remark: String) -> StructuredMapping { ["kind": "none", "remark": .string(remark)] }
}

/// Keeps the memory that previews take within bounds: no more than a few are made at a time.
private final class PreviewGate: Sendable {
    private static let capacity = 2
    private let inside = Mutex(0)

    func enter() -> Bool {
        inside.withLock { count in
            guard count < Self.capacity else { return false }
            count += 1
            return true
        }
    }

    func leave() { inside.withLock { $0 -= 1 } }
}
