import ButlerModel

/// Turns what users write into dimension values. Source: repository format reference, section 3.6.
extension RegistrySnapshot {
    /// The data ID for a dataset type that a loose mapping names, with conditions on records (`exposure.obs_id`,
    /// `detector.full_name`) resolved by looking the records up.
    /// - Throws: `ButlerError` of kind `dimensionValue` for keys that mean nothing, conditions that match no record
    ///   or several, or values that contradict them; of kind `dimensionName` for missing dimensions.
    public func standardize(
        _ loose: [String: DataIDValue], for type: DatasetType, defaults: [String: DataIDValue] = [:]
    ) throws -> DataCoordinate {
        try DataCoordinate.standardize(
            try rewrite(loose, for: type, defaults: defaults), group: type.dimensions, universe: universe,
            defaults: defaults)
    }

    /// The same for a dataset that is to be made. What is given of implied dimensions must be what the records say, where
    /// Python drops some of them unseen.
    /// - Throws: `ButlerError` of kind `inconsistentDataID` when it is not. Where all are given, ``expand(_:remembering:)`` does.
    public func standardizeNew(_ loose: [String: DataIDValue], for type: DatasetType) throws -> DataCoordinate {
        let values = try rewrite(loose, for: type, defaults: [:])
        let dataID = try DataCoordinate.standardize(values, group: type.dimensions, universe: universe)
        try refuseContradictions(values, to: dataID)
        return dataID
    }

    /// - Throws: `ButlerError` of kind `inconsistentDataID` when a mapping gives another value of an implied dimension than
    ///   follows from the data ID that was made of it.
    public func refuseContradictions(_ given: [String: DataIDValue], to dataID: DataCoordinate) throws {
        if dataID.isFull { return }
        let group = dataID.group
        let implied = group.keys.dropFirst(group.required.count).map { universe.elements[$0] }
            .filter { given[$0.name] != nil }
        if implied.isEmpty { return }
        let full = try fill(dataID)
        for dimension in implied {
            guard let value = try given[dimension.name].map({ try DataCoordinate.conform($0, to: dimension) }),
                let known = full[dimension.position], value != known
            else { continue }
            throw ButlerError(
                .inconsistentDataID,
                "The data ID gives \(dimension.name)=\(value.quotedDescription), but from \(dataID) follows "
                    + "\(known.quotedDescription); correct it, or leave it out.")
        }
    }

    /// The values of dimensions that a loose mapping names, possibly of more dimensions than the type has.
    func rewrite(
        _ loose: [String: DataIDValue], for type: DatasetType, defaults: [String: DataIDValue]
    ) throws -> [String: DataIDValue] {
        var dataID = try LooseDataID(loose, for: type)
        for (name, conditions) in dataID.conditions.sorted(by: { $0.key < $1.key }) {
            let element = try universe.requireElement(name)
            let closure = universe.group(conforming: DimensionSet([element.position]))
            var relevant = defaults.filter { closure.contains($0.key) && universe.element($0.key)?.isGovernor == true }
            for (key, value) in dataID.values where closure.contains(key) { relevant[key] = value }
            if let explicit = dataID.values[name] {
                try check(explicit, of: element, relevant: relevant, against: conditions)
            } else {
                let record = try uniqueRecord(of: element, relevant: relevant, conditions: conditions)
                guard let value = record.value(ofDimension: element.position) else { continue }
                dataID.resolve(name, to: value)
            }
        }
        return dataID.values
    }

    private func check(
        _ explicit: DataIDValue, of element: DimensionElement, relevant: [String: DataIDValue],
        against conditions: [String: DataIDValue]
    ) throws {
        let required = relevant.filter { key, _ in
            universe.element(key).map { element.requiredSet.contains($0.position) } ?? false
        }
        var matches: [DimensionRecord] = []
        try records(of: element, matching: required, limit: 2) { record in
            matches.append(record)
            return true
        }
        guard let record = matches.first else {
            throw ButlerError(
                .dimensionValue,
                "There is no '\(element.name)' \(explicit.quotedDescription) to compare with the given "
                    + "\(conditions.keys.sorted().joined(separator: ", ")).")
        }
        guard matches.count == 1 else { return }
        for (column, value) in conditions {
            guard let found = record[column] else { throw unknownColumn(column, of: element) }
            guard Self.equal(found, value) else {
                throw ButlerError(
                    .dimensionValue,
                    "The data ID gives '\(element.name)' as \(explicit.quotedDescription), whose \(column) is "
                        + "\(found.dataIDValue?.quotedDescription ?? "not set"), not \(value.quotedDescription).")
            }
        }
    }

    private func uniqueRecord(
        of element: DimensionElement, relevant: [String: DataIDValue], conditions: [String: DataIDValue]
    ) throws -> DimensionRecord {
        for column in conditions.keys where element.columnIndex(column) == nil {
            throw unknownColumn(column, of: element)
        }
        // Values that the element only implies through another dimension have no column; the expansion knows them.
        let indirect = relevant.filter { key, _ in
            guard let position = universe.element(key)?.position else { return false }
            return !element.requiredSet.contains(position) && !element.impliedSet.contains(position)
        }
        var matches: [DimensionRecord] = []
        try records(of: element, matching: relevant) { record in
            for (column, value) in conditions {
                guard let found = record[column], Self.equal(found, value) else { return true }
            }
            if !indirect.isEmpty {
                let key = DataCoordinate(
                    group: universe.group(conforming: DimensionSet([element.position])), values: record.requiredValues)
                let full = try fill(key)
                guard indirect.allSatisfy({ full[$0.key] == $0.value }) else { return true }
            }
            matches.append(record)
            return true
        }
        if matches.count > 1, element.name == "visit" {
            matches = try preferredVisits(matches) ?? matches
        }
        guard let record = matches.first, matches.count == 1 else {
            let given = conditions.sorted { $0.key < $1.key }
                .map { "\($0.key)=\($0.value.quotedDescription)" }.joined(separator: ", ")
            throw ButlerError(
                .dimensionValue,
                matches.isEmpty
                    ? "No '\(element.name)' matches \(given)."
                    : "\(matches.count) records of '\(element.name)' match \(given); add what tells them apart.")
        }
        return record
    }

    /// Of visits that share exposures, the ones of the instrument's preferred way of defining visits.
    private func preferredVisits(_ visits: [DimensionRecord]) throws -> [DimensionRecord]? {
        guard let membership = universe.element("visit_system_membership"),
            let instrument = universe.element("instrument"), instrument.columnIndex("visit_system") != nil,
            let name = visits.first?["instrument"]?.dataIDValue,
            case .int(let system)? = try record(of: instrument, [name])?["visit_system"]
        else { return nil }
        for visit in visits {
            guard let id = visit["id"]?.dataIDValue else { continue }
            var key: [DataIDValue] = []
            for position in membership.required {
                switch universe.elements[position].name {
                case "instrument": key.append(name)
                case "visit_system": key.append(.int(system))
                default: key.append(id)
                }
            }
            if try record(of: membership, key) != nil { return [visit] }
        }
        return nil
    }

    private func unknownColumn(_ column: String, of element: DimensionElement) -> ButlerError {
        ButlerError(
            .dimensionValue,
            "Dimension '\(element.name)' has no field '\(column)'; it has "
                + "\(element.columns.map(\.name).joined(separator: ", ")).")
    }

    /// Whether a column holds what a user wrote; whole numbers may be written for floats, and 0 and 1 for booleans.
    private static func equal(_ column: ColumnValue, _ value: DataIDValue) -> Bool {
        switch (column, value) {
        case (.int(let a), .int(let b)): a == b
        case (.float(let a), .int(let b)): a == Double(b)
        case (.bool(let a), .int(let b)): (a ? 1 : 0) == b
        case (.string(let a), .string(let b)): a == b
        default: false
        }
    }
}
