import Foundation
import ObjectStorage

/// One file that was asked to be sent.
struct TransferRequest: Sendable, Hashable {
    let id: UUID
    /// An absolute path.
    let file: String
    let bucket: String
    let key: String
    var priority: TransferPriority
    /// Text of the sender's, for logs and answers.
    var slug: String?
    /// As the sender wrote the place; empty with the line protocol.
    var uri = ""
    /// Seconds since 1970.
    let accepted: Double
    /// Destinations that do not have the file yet.
    var pending: [String]
    /// Whether the file goes when it has arrived everywhere.
    var deletes = false
}
