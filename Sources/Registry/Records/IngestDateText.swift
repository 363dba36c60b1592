import AstroTime
import ButlerModel

/// The ingest date as dataset tables before version 2 hold it: text in UTC, to the microsecond.
/// Source: repository format reference, section 2.7, history of the datasets manager.
package enum IngestDateText {
    package static func text(of time: TAINanoseconds) throws -> String {
        try time.text(scale: .utc, precision: 6, separator: " ")
    }

    /// - Throws: `RegistryError` when the text is no date.
    package static func time(_ text: String) throws -> TAINanoseconds {
        do {
            return try TimeLiteral("iso/\(text)/utc").time
        } catch {
            throw RegistryError.corruptValue(
                table: "dataset", column: "ingest_date", reason: "'\(text)' is no date and time")
        }
    }
}
