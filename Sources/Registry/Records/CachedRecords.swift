import ButlerModel

/// The records of cached elements (governors, filters, detectors…), held in memory as of one database state.
package struct CachedRecords: Sendable {
    private var byElement: [Int: [[DataIDValue]: DimensionRecord]] = [:]

    package mutating func add(_ element: DimensionElement, _ records: [DimensionRecord]) {
        byElement[element.position] = Dictionary(
            records.map { ($0.requiredValues, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// `nil` when the element is not held; otherwise its records by required values.
    package func records(of element: DimensionElement) -> [[DataIDValue]: DimensionRecord]? { byElement[element.position] }
}
