import ButlerModel
import Database
import Foundation

extension DatasetID {
    /// The value of a UUID column.
    var sqlValue: SQLValue {
        let b = bytes
        return .uuid(
            UUID(
                uuid: (
                    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]
                )))
    }

    init(column uuid: UUID) {
        let b = uuid.uuid
        func word(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(
            high: word([b.0, b.1, b.2, b.3, b.4, b.5, b.6, b.7]),
            low: word([b.8, b.9, b.10, b.11, b.12, b.13, b.14, b.15]))
    }
}
