import Foundation
import StructuredData

/// Where a dataset came from: the quantum that made it and the datasets that were read for it.
///
/// Files carry it as flat keys; ``flat(for:prefix:separator:maximumInputs:)`` makes them and ``init(flat:)`` reads them.
/// Source of the keys: quantum reference, section 11.1.
public struct DatasetProvenance: Sendable, Hashable {
    public struct Input: Sendable, Hashable {
        public let id: DatasetID
        public let run: String?
        public let datasetType: String?
        /// Further facts by name; each a text, a number or a boolean.
        public internal(set) var extras = StructuredMapping()

        public init(id: DatasetID, run: String? = nil, datasetType: String? = nil) {
            self.id = id
            self.run = run
            self.datasetType = datasetType
        }
    }

    /// In the order in which they were read, each once.
    public private(set) var inputs: [Input] = []
    public var quantum: UUID?

    public init(quantum: UUID? = nil) { self.quantum = quantum }

    /// Adds an input, unless it is there already. Cost: O(number of inputs).
    public mutating func add(_ input: DatasetRef) {
        add(Input(id: input.id, run: input.run, datasetType: input.datasetType.name))
    }

    public mutating func add(_ input: Input) {
        if !inputs.contains(where: { $0.id == input.id }) { inputs.append(input) }
    }

    private static let reserved: Set<String> = ["run", "id", "datasettype"]

    /// Adds facts about an input.
    ///
    /// - Throws: `ButlerError` of kind `malformedModel` for an input that was not added, and for a name that is one of
    ///   `run`, `id` and `datasettype` in any letter case.
    public mutating func add(_ extras: StructuredMapping, to id: DatasetID) throws(ButlerError) {
        guard let index = inputs.firstIndex(where: { $0.id == id }) else {
            throw ButlerError(.malformedModel, "Dataset \(id) is no input of this provenance; add it as one first.")
        }
        if let name = extras.keys.first(where: { Self.reserved.contains($0.lowercased()) }) {
            throw ButlerError(
                .malformedModel, "Extra provenance must not be called '\(name)', which is a name of its own; rename it."
            )
        }
        for (name, value) in extras.pairs { inputs[index].extras[name] = value }
    }

    // MARK: Flat form

    /// The flat form, in the order in which the Python software writes it.
    ///
    /// - Parameters:
    ///   - ref: the dataset that this is the provenance of.
    ///   - prefix: stands before each key; keys are in upper case if its first letter is.
    ///   - maximumInputs: with more inputs only their number is kept.
    public func flat(
        for ref: DatasetRef?, prefix: String, separator: Character, maximumInputs: Int = .max
    ) -> [(key: String, value: StructuredValue)] {
        let isUpper = prefix.first?.isUppercase ?? false
        var pairs: [(key: String, value: StructuredValue)] = []
        func append(_ words: [String], _ value: StructuredValue) {
            let key = words.joined(separator: String(separator))
            pairs.append(
                ((prefix.isEmpty ? "" : prefix + String(separator)) + (isUpper ? key.uppercased() : key), value))
        }
        if let ref {
            append(["id"], .string(ref.id.description))
            append(["run"], .string(ref.run))
            append(["datasettype"], .string(ref.datasetType.name))
            for name in ref.dataID.group.requiredNames.sorted() {
                switch ref.dataID[name] {
                case .int(let value)?: append(["dataid", name], .int(value))
                case .string(let value)?: append(["dataid", name], .string(value))
                case nil: break
                }
            }
        }
        if let quantum { append(["quantum"], .string(quantum.uuidString.lowercased())) }
        if ref != nil || !inputs.isEmpty { append(["n_inputs"], .int(Int64(inputs.count))) }
        guard inputs.count <= maximumInputs else { return pairs }
        for (index, input) in inputs.enumerated() {
            let number = String(index)
            append(["input", number, "id"], .string(input.id.description))
            if let run = input.run { append(["input", number, "run"], .string(run)) }
            if let type = input.datasetType { append(["input", number, "datasettype"], .string(type)) }
            for (name, value) in input.extras.pairs { append(["input", number, name], value) }
        }
        return pairs
    }

    /// What ``flat(for:prefix:separator:maximumInputs:)`` wrote, found among other keys, and the dataset that it is
    /// about; `nil` when there is none.
    ///
    /// Prefix and separator are found by the keys, in any letter case. Names of extras are in upper case if their keys
    /// are.
    ///
    /// - Throws: `ButlerError` of kind `malformedModel` for keys with several prefixes or separators, and for an
    ///   identifier that is no UUID.
    public static func read(
        flat pairs: [(key: String, value: StructuredValue)]
    ) throws(ButlerError) -> (provenance: DatasetProvenance, dataset: DatasetID?)? {
        guard let keys = try FlatProvenanceKeys(pairs.map(\.key)) else { return nil }
        var provenance = DatasetProvenance()
        var dataset: DatasetID?
        var found: [Int: (id: DatasetID?, run: String?, type: String?, extras: StructuredMapping)] = [:]
        for (key, value) in pairs {
            guard let words = keys.words(of: key) else { continue }
            switch (words[0].lowercased(), words.count) {
            case ("id", 1): dataset = try identifier(value, key)
            case ("quantum", 1):
                guard let text = value.stringValue, let id = UUID(uuidString: text) else { throw invalid(value, key) }
                provenance.quantum = id
            case ("input", 3...):
                guard let number = Int(words[1]) else { continue }
                var input = found[number] ?? (nil, nil, nil, [:])
                let name = words[2...].joined(separator: String(keys.separator))
                switch name.lowercased() {
                case "id": input.id = try identifier(value, key)
                case "run": input.run = value.stringValue
                case "datasettype": input.type = value.stringValue
                default: input.extras[name] = value
                }
                found[number] = input
            default: break
            }
        }
        for (_, input) in found.sorted(by: { $0.key < $1.key }) {
            guard let id = input.id else { continue }
            provenance.add(Input(id: id, run: input.run, datasetType: input.type))
            try provenance.add(input.extras, to: id)
        }
        return (provenance, dataset)
    }

    private static func identifier(_ value: StructuredValue, _ key: String) throws(ButlerError) -> DatasetID {
        guard let text = value.stringValue, let id = DatasetID(text) else { throw invalid(value, key) }
        return id
    }

    private static func invalid(_ value: StructuredValue, _ key: String) -> ButlerError {
        ButlerError(
            .malformedModel, "The provenance under '\(key)' is \(value), not a UUID; the header was changed by hand.")
    }
}
