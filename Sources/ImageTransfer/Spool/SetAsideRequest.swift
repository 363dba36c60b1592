import Foundation
import Serving

/// A request that one destination will not take, and that is not tried any more.
public struct SetAsideRequest: Sendable, Hashable {
    /// Tells it from others, and from the same request when that is set aside again.
    struct Name: Sendable, Hashable {
        let id: UUID
        let time: Double
        let destination: String

        init(id: UUID, time: Double, destination: String) {
            (self.id, self.time, self.destination) = (id, time, destination)
        }

        init?(line: Substring) {
            let fields = line.split(separator: " ", omittingEmptySubsequences: false)
            guard fields.count == 3, let id = UUID(uuidString: String(fields[0])), let time = TransferRequest.time(fields[1]) else {
                return nil
            }
            self.init(id: id, time: time, destination: String(fields[2]))
        }
    }

    private(set) var request: TransferRequest
    public let destination: String
    public let reason: String
    /// Seconds since 1970.
    public let time: Double
    /// When it was set aside for the first time, if it was brought back since.
    let firstTime: Double
    /// What told the file, when it was set aside, from others that have had its name; `nil` if there was none.
    let fileTag: String?

    public var id: UUID { request.id }
    public var file: String { request.file }
    public var bucket: String { request.bucket }
    public var key: String { request.key }
    var name: Name { Name(id: id, time: time, destination: destination) }

    init(_ request: TransferRequest, _ destination: String, reason: String, fileTag: String? = nil) {
        let now = Date().timeIntervalSince1970
        self.init(
            request, destination, reason: reason, time: now, firstTime: request.broughtBack[destination] ?? now, fileTag)
    }

    private init(
        _ request: TransferRequest, _ destination: String, reason: String, time: Double, firstTime: Double,
        _ fileTag: String?
    ) {
        var request = request
        (request.pending, request.refused, request.broughtBack) = ([destination], [:], [:])
        self.request = request
        self.destination = destination
        self.reason = reason
        self.time = time
        self.firstTime = firstTime
        self.fileTag = fileTag
    }

    /// The same, of a request whose file stays.
    var keepingFile: SetAsideRequest {
        var kept = self
        kept.request.deletes = false
        return kept
    }

    /// `S TIME,FIRSTTIME[,TAG] DESTINATION =REASON`, and the request as the journal has it.
    var line: String {
        let tag = fileTag.map { "," + PercentEncoding.encode($0) } ?? ""
        return "S \(time),\(firstTime)\(tag) \(destination) =\(PercentEncoding.encode(reason)) \(request.line)"
    }

    init?(line: String) {
        let fields = line.split(separator: " ")
        guard fields.count > 4, fields[0] == "S", let reason = PercentEncoding.decode(fields[3].dropFirst()),
            let request = TransferRequest(fields[4...])
        else { return nil }
        // Lists of earlier versions have one time.
        let parts = fields[1].split(separator: ",")
        guard (1...3).contains(parts.count), let time = TransferRequest.time(parts[0]),
            let firstTime = parts.count == 1 ? time : TransferRequest.time(parts[1])
        else { return nil }
        let tag = parts.count == 3 ? PercentEncoding.decode(parts[2]) : nil
        guard (tag == nil) == (parts.count < 3) else { return nil }
        self.init(request, String(fields[2]), reason: reason, time: time, firstTime: firstTime, tag)
    }
}
