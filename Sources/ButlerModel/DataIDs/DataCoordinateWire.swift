import StructuredData

extension DataIDValue {
    public var wire: StructuredValue {
        switch self {
        case .int(let value): .int(value)
        case .string(let value): .string(value)
        }
    }

    /// Whole numbers and text; `true` and `false` count as 1 and 0. Source: protocol reference, section 4.2.
    public init(wire reader: DocumentReader) throws(ButlerError) {
        switch reader.value {
        case .string(let text): self = .string(text)
        case .bool(let flag): self = .int(flag ? 1 : 0)
        case .int, .float: self = .int(try reader.int64())
        default: throw reader.failure("must be a whole number or a string, not \(reader.value.kindName)")
        }
    }
}

extension DataCoordinate {
    /// `{"dataId": {dimension: value…}, "records": {element: record…} or null}`; the records of an expanded data ID
    /// leave out elements without one.
    public var wire: StructuredValue {
        var known = StructuredMapping()
        for (name, value) in pairs { known[name] = value.wire }
        var found = StructuredValue.null
        if let records {
            var byElement = StructuredMapping()
            for case let record? in records { byElement[record.element.name] = record.wire }
            found = .object(byElement)
        }
        return .object(["dataId": .object(known), "records": found])
    }

    /// A loose data ID: name to value, as requests carry it.
    public static func mapping(wire reader: DocumentReader) throws(ButlerError) -> [String: DataIDValue] {
        var mapping: [String: DataIDValue] = [:]
        for (name, member) in try reader.members() { mapping[name] = try DataIDValue(wire: member) }
        return mapping
    }

    public init(
        wire reader: DocumentReader, group: DimensionGroup?, universe: DimensionUniverse
    ) throws(ButlerError) {
        let plain = try DataCoordinate.standardize(
            try Self.mapping(wire: try reader.required("dataId")), group: group, universe: universe)
        guard let records = try reader.optional("records") else {
            self = plain
            return
        }
        var byName: [String: DimensionRecord] = [:]
        for (name, member) in try records.members() {
            byName[name] = try DimensionRecord(wire: member, universe: universe)
        }
        self.init(group: plain.group, values: plain.values, records: plain.group.elements.map { byName[$0.name] })
    }
}
