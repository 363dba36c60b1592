/// Builds data coordinates out of loose name-value pairs. Source: repository format reference, section 3.6.
extension DataCoordinate {
    /// The coordinate that these values name.
    ///
    /// When all dimensions of the group have values the result is full; otherwise the required values are taken and
    /// implied ones are dropped. Keys outside `group` are ignored.
    ///
    /// - Parameters:
    ///   - mapping: values by dimension name.
    ///   - group: the dimensions wanted; `nil` means all those named in `mapping`.
    ///   - defaults: fill in for missing keys (governor dimensions of a client's defaults).
    /// - Throws: ``ButlerError`` of kind `dimensionName` when a required dimension has no value or, without a group,
    ///   when a key is no dimension; of kind `dimensionValue` when a value has the wrong type.
    public static func standardize(
        _ mapping: [String: DataIDValue], group: DimensionGroup?, universe: DimensionUniverse,
        defaults: [String: DataIDValue] = [:]
    ) throws(ButlerError) -> DataCoordinate {
        let target: DimensionGroup
        if let group { target = group } else { target = try universe.group(mapping.keys) }

        var values: [DataIDValue] = []
        var missing: [String] = []
        for (index, position) in target.keys.enumerated() {
            let element = universe.elements[position]
            guard let value = mapping[element.name] ?? defaults[element.name] else {
                if index < target.required.count {
                    missing.append(element.name)
                    continue
                }
                break
            }
            values.append(try conform(value, to: element))
        }
        guard missing.isEmpty else {
            let names = missing.map { "'\($0)'" }.joined(separator: ", ")
            let given = mapping.sorted { $0.key < $1.key }
                .map { "\($0.key): \($0.value.quotedDescription)" }.joined(separator: ", ")
            throw ButlerError(
                .dimensionName,
                "No value in data ID {\(given)} for required dimension\(missing.count == 1 ? "" : "s") \(names).")
        }
        if values.count < target.keys.count { values.removeLast(values.count - target.required.count) }
        return DataCoordinate(group: target, values: values)
    }

    /// The value in the type of the dimension's key. A whole number is accepted where text is wanted only as text.
    package static func conform(
        _ value: DataIDValue, to element: DimensionElement
    ) throws(ButlerError) -> DataIDValue {
        switch (element.primaryKey?.type, value) {
        case (.int, .int), (.string, .string): return value
        case (.int, .string(let text)):
            guard let number = Int64(text) else {
                throw ButlerError(
                    .dimensionValue, "Value '\(text)' for dimension '\(element.name)' is not a whole number.")
            }
            return .int(number)
        default:
            throw ButlerError(
                .dimensionValue,
                "Value \(value.quotedDescription) for dimension '\(element.name)' is not a string.")
        }
    }
}
