import ButlerModel
import StructuredData

extension DimensionConfiguration {
    /// The encoded response `{"universe": …}`. Source: remote Butler protocol reference, section 4.7.
    var wireDocument: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 16 << 10)
        writer.value(.object(["universe": wire]))
        return writer.bytes
    }

    /// The dimensions as every server sends them, whatever form the repository keeps them in.
    var wire: StructuredValue {
        var systems = StructuredMapping()
        for system in skypixSystems {
            systems[system.name] = .object([
                "class": .string(system.className), "min_level": .int(Int64(system.minimumLevel)),
                "max_level": .int(Int64(system.maximumLevel)),
            ])
        }
        return .object([
            "version": .int(Int64(version)),
            "namespace": .string(namespace),
            "skypix": .object(["common": .string(commonSkypix), "systems": .object(systems)]),
            "elements": .object(StructuredMapping(elements.map { ($0.name, $0.wire) })),
            "topology": .object(["spatial": Self.wire(spatialFamilies), "temporal": Self.wire(temporalFamilies)]),
        ])
    }

    private static func wire(_ families: [TopologicalFamily]) -> StructuredValue {
        .object(StructuredMapping(families.map { ($0.name, .strings($0.members)) }))
    }
}

extension DimensionConfiguration.Element {
    fileprivate var wire: StructuredValue {
        .object([
            "doc": .string(documentation),
            "keys": .array(keys.map(\.wire)),
            "requires": .strings(requires),
            "implies": .strings(implies),
            "metadata": .array(metadata.map(\.wire)),
            "is_cached": .bool(isCached),
            "implied_union_target": .text(impliedUnionTarget),
            "governor": .bool(isGovernor),
            "always_join": .bool(alwaysJoin),
            "populated_by": .text(populatedBy),
            "storage": .null,
        ])
    }
}

extension KeyColumn {
    fileprivate var wire: StructuredValue {
        var column: StructuredMapping = [
            "name": .string(name), "doc": .string(documentation), "type": .string(type.configurationName),
            "nullable": .bool(isNullable),
        ]
        switch type {
        case .string(let length): column["length"] = .int(Int64(length))
        case .hash(let byteCount): column["nbytes"] = .int(Int64(byteCount))
        default: break
        }
        return .object(column)
    }
}

extension StructuredValue {
    static func strings(_ list: some Sequence<String>) -> StructuredValue { .array(list.map { .string($0) }) }
    static func text(_ value: String?) -> StructuredValue { value.map { .string($0) } ?? .null }
}
