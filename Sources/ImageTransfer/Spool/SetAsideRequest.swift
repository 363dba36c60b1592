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
            guard fields.count == 3, let id = UUID(uuidString: String(fields[0])), let time = Double(fields[1]) else {
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

    public var id: UUID { request.id }
    public var file: String { request.file }
    public var bucket: String { request.bucket }
    public var key: String { request.key }
    var name: Name { Name(id: id, time: time, destination: destination) }

    init(_ request: TransferRequest, _ destination: String, reason: String) {
        self.init(request, destination, reason: reason, time: Date().timeIntervalSince1970)
    }

    private init(_ request: TransferRequest, _ destination: String, reason: String, time: Double) {
        var request = request
        (request.pending, request.refused) = ([destination], [:])
        self.request = request
        self.destination = destination
        self.reason = reason
        self.time = time
    }

    /// The same, of a request whose file stays.
    var keepingFile: SetAsideRequest {
        var kept = self
        kept.request.deletes = false
        return kept
    }

    /// `S TIME DESTINATION =REASON`, and the request as the journal has it.
    var line: String { "S \(time) \(destination) =\(PercentEncoding.encode(reason)) \(request.line)" }

    init?(line: String) {
        let fields = line.split(separator: " ")
        guard fields.count > 4, fields[0] == "S", let time = Double(fields[1]),
            let reason = PercentEncoding.decode(fields[3].dropFirst()), let request = TransferRequest(fields[4...])
        else { return nil }
        self.init(request, String(fields[2]), reason: reason, time: time)
    }
}
