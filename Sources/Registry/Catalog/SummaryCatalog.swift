import ButlerModel
import ByteText

/// What each collection that is no chain may hold, as of one moment. Summaries may claim too much, never too little.
package struct SummaryCatalog: Sendable {
    /// Keys of dataset types, by collection key.
    private var datasetTypes: [Int64: Set<Int64>] = [:]
    /// Values by collection key and governor position.
    private var governors: [Int64: [Int: Set<ExactName>]] = [:]

    package mutating func add(collection: Int64, datasetType: Int64) {
        datasetTypes[collection, default: []].insert(datasetType)
    }

    package mutating func add(collection: Int64, governor: Int, value: String) {
        governors[collection, default: [:]][governor, default: []].insert(value)
    }

    package func datasetTypes(in collection: Int64) -> Set<Int64> { datasetTypes[collection] ?? [] }
    package func governors(in collection: Int64) -> [Int: Set<ExactName>] { governors[collection] ?? [:] }

    /// Whether a search for the dataset type with these governor values can find anything in the collection. A
    /// governor for which the collection has no value at all is not filtered on.
    package func mayContain(collection: Int64, datasetType: Int64, governorValues: [Int: String]) -> Bool {
        guard datasetTypes[collection]?.contains(datasetType) == true else { return false }
        guard let known = governors[collection] else { return true }
        return governorValues.allSatisfy { position, value in known[position]?.contains(value) ?? true }
    }
}
