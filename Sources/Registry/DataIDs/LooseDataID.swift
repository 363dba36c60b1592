import ButlerModel

/// A data ID as a user writes it, sorted into dimension values and conditions on records.
///
/// Users name an exposure by `exposure.obs_id`, a detector by its full name, a visit by `day_obs` and `seq_num`.
/// Whatever is not the value of a dimension becomes a condition on a record of one of the dataset type's dimensions.
/// Source: repository format reference, section 3.6.
struct LooseDataID {
    /// Values of dimensions, in the type of their keys.
    private(set) var values: [String: DataIDValue] = [:]
    /// Conditions by element name: column to value.
    private(set) var conditions: [String: [String: DataIDValue]] = [:]

    /// - Throws: `ButlerError` of kind `dimensionValue` for keys that no dimension knows.
    init(_ mapping: [String: DataIDValue], for type: DatasetType) throws(ButlerError) {
        let universe = type.dimensions.universe
        var unknown: [String: DataIDValue] = [:]
        for (key, value) in mapping.sorted(by: { $0.key < $1.key }) {
            if let dot = key.firstIndex(of: ".") {
                let elementName = String(key[..<dot])
                guard let element = universe.element(elementName), element.isDimension else {
                    throw ButlerError(
                        .dimensionValue, "Unrecognized key '\(key)' in data ID: '\(elementName)' is no dimension.")
                }
                conditions[elementName, default: [:]][String(key[key.index(after: dot)...])] = value
                continue
            }
            guard let element = universe.element(key), element.isDimension else {
                unknown[key] = value
                continue
            }
            if let alternate = Self.alternateKey(of: element, fitting: value) {
                conditions[key, default: [:]][alternate] = value
            } else {
                values[key] = value
            }
        }
        try assign(unknown, type: type)
    }

    /// The alternate key that a value of another type than the primary key's must mean.
    private static func alternateKey(of element: DimensionElement, fitting value: DataIDValue) -> String? {
        func fits(_ type: ElementColumnType) -> Bool {
            switch (type, value) {
            case (.int, .int), (.string, .string): true
            default: false
            }
        }
        guard let key = element.primaryKey, !fits(key.type) else { return nil }
        return element.alternateKeys.first { fits($0.type) }?.name
    }

    /// Finds the dimension that each unknown key describes: the one with most of the keys among its columns, the
    /// dataset type's own dimensions first; for calibrations the temporal dimensions are candidates too.
    private mutating func assign(_ unknown: [String: DataIDValue], type: DatasetType) throws(ButlerError) {
        guard !unknown.isEmpty else { return }
        let universe = type.dimensions.universe
        let own = type.dimensions.members
        var candidates = own
        if type.isCalibration {
            for element in universe.elements where element.isDimension && element.isTemporal {
                candidates.insert(element.position)
            }
        }
        var holders: [String: [DimensionElement]] = [:]
        var popularity: [Int: Int] = [:]
        for position in candidates {
            let element = universe.elements[position]
            let fields = Set(
                (element.metadata + element.alternateKeys + [element.primaryKey].compactMap(\.self)).map(\.name))
            for key in unknown.keys where fields.contains(key) {
                holders[key, default: []].append(element)
                popularity[position, default: 0] += 1
            }
        }
        let lost = unknown.keys.filter { holders[$0] == nil }.sorted()
        guard lost.isEmpty else {
            throw ButlerError(
                .dimensionValue,
                "Unrecognized data ID keys '\(lost.joined(separator: "', '"))' for dataset type '\(type.name)'; its "
                    + "dimensions are \(type.dimensions.names.joined(separator: ", ")).")
        }
        for (key, elements) in holders {
            var choices = elements.filter { own.contains($0.position) }
            if choices.isEmpty { choices = elements }
            if choices.count > 1, Set(elements.map(\.name)) == ["exposure", "visit"],
                !elements.contains(where: { own.contains($0.position) })
            {
                // Visits are defined from exposures, so the exposure is the surer meaning.
                choices = choices.filter { $0.name == "exposure" }
            }
            // Ties go to the dimension that is first in canonical order.
            var best = choices[0]
            for choice in choices.dropFirst()
            where popularity[choice.position, default: 0] > popularity[best.position, default: 0] {
                best = choice
            }
            conditions[best.name, default: [:]][key] = unknown[key]
        }
    }

    /// Adds a value that a record determined.
    mutating func resolve(_ dimension: String, to value: DataIDValue) { values[dimension] = value }
}
