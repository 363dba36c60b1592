/// Things of one universe in another, by the names of their dimensions and columns. Source: repository format reference,
/// section 7.8; upstream's `DatasetType.conform_to`.
extension DatasetType {
    /// - Throws: ``ButlerError`` of kind `conflictingDefinition` when the other universe has other dimensions of these names,
    ///   or needs others with them.
    public func conformed(to universe: DimensionUniverse) throws(ButlerError) -> DatasetType {
        guard dimensions.universe != universe else { return self }
        func failure(_ reason: String) -> ButlerError {
            ButlerError(
                .conflictingDefinition,
                "Dataset type '\(name)' with the dimensions \(Self.all(dimensions)) of universe "
                    + "\(dimensions.universe.namespace) \(dimensions.universe.version) has no place in one of universe "
                    + "\(universe.namespace) \(universe.version): \(reason).")
        }
        guard dimensions.universe.namespace == universe.namespace else {
            throw failure("that is another kind of universe")
        }
        let missing = dimensions.names.filter { universe.element($0)?.isDimension != true }
        guard missing.isEmpty else { throw failure("there is no dimension \(missing.joined(separator: ", ")) there") }
        let there = try universe.group(dimensions.names)
        guard Set(there.names) == Set(dimensions.names), Set(there.requiredNames) == Set(dimensions.requiredNames) else {
            throw failure("there they are \(Self.all(there))")
        }
        return try DatasetType(
            name: name, dimensions: there, storageClass: storageClass, parentStorageClass: parentStorageClass,
            isCalibration: isCalibration)
    }

    private static func all(_ group: DimensionGroup) -> String {
        let implied = group.keyNames.dropFirst(group.required.count)
        return "\(group)" + (implied.isEmpty ? "" : ", which imply \(implied.joined(separator: ", "))")
    }
}

extension DataCoordinate {
    /// - Parameter group: of dimensions with the same names, required and implied ones alike.
    /// - Throws: ``ButlerError`` of kind `conflictingDefinition` when a record does not fit.
    public func conformed(to group: DimensionGroup) throws(ButlerError) -> DataCoordinate {
        guard group.universe != self.group.universe else { return self }
        let names = isFull ? group.keyNames : group.requiredNames
        var there: [DimensionRecord?]?
        if records != nil {
            there = []
            for element in group.elements {
                let own = self.group.universe.element(element.name).flatMap { record(of: $0) }
                there?.append(try own?.conformed(to: element))
            }
        }
        return DataCoordinate(group: group, values: names.compactMap { self[$0] }, records: there)
    }
}

extension DimensionRecord {
    /// The values of columns that both have; others are null.
    ///
    /// - Throws: ``ButlerError`` of kind `conflictingDefinition` for a value of another type, and a key without a value.
    public func conformed(to element: DimensionElement) throws(ButlerError) -> DimensionRecord {
        guard element !== self.element else { return self }
        var there: [ColumnValue] = []
        for column in element.columns {
            let value = self[column.name] ?? .null
            let isKey =
                switch column.role {
                case .required, .implied: true
                case .alternateKey, .metadata, .region, .timespan: false
                }
            guard value.fits(column.type), !isKey || !value.isNull else {
                let key = zip(self.element.columns, requiredValues).map { "\($0.name): \($1.quotedDescription)" }
                throw ButlerError(
                    .conflictingDefinition,
                    "The record {\(key.joined(separator: ", "))} of '\(element.name)' does not fit into the other universe: "
                        + "it has no '\(column.name)' of type \(column.type.configurationName).")
            }
            there.append(value)
        }
        return DimensionRecord(element: element, values: there)
    }
}
