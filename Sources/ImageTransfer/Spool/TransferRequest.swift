import ByteText
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
    /// Whether nobody asked for it: a writer has dropped the file into a folder, and what has its key may be another's.
    var isDropped = false
    /// When a destination first refused it: seconds since 1970.
    var refused: [String: Double] = [:]
    /// When it was first set aside for a destination for which it was brought back: seconds since 1970. What has come under
    /// its key there since is not replaced, and all that is new goes before it.
    var broughtBack: [String: Double] = [:]

    func priority(at destination: String) -> TransferPriority { broughtBack[destination] == nil ? priority : .bulk }
}

/// A file and where it goes. Names are compared by their bytes.
struct Errand: Sendable, Hashable {
    let file: String
    let bucket: String
    let key: String

    static func == (a: Errand, b: Errand) -> Bool {
        a.file.hasSameBytes(as: b.file) && a.bucket == b.bucket && a.key.hasSameBytes(as: b.key)
    }

    func hash(into hasher: inout Hasher) {
        file.hashBytes(into: &hasher)
        key.hashBytes(into: &hasher)
    }
}

extension Errand {
    init(_ request: TransferRequest) { self.init(file: request.file, bucket: request.bucket, key: request.key) }
}

extension UUID {
    /// Of version 4, from the system's generator. Foundation's opens a device for each on Linux.
    static func random() -> UUID {
        let first = UInt64.random(in: .min ... .max) & ~(0xF0 << 48) | 0x40 << 48
        let second = UInt64.random(in: .min ... .max) & ~0xC0 | 0x80
        return withUnsafeBytes(of: (first.littleEndian, second.littleEndian)) {
            UUID(uuid: $0.loadUnaligned(as: uuid_t.self))
        }
    }
}
