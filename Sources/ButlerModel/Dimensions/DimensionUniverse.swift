import Synchronization

/// All dimensions and join elements of a repository, in canonical order. Immutable once built.
///
/// The canonical order decides column order in tables, data ID tuples and messages; it follows from the
/// configuration alone. Source: repository format reference, section 3.2.
public final class DimensionUniverse: Sendable {
    public let configuration: DimensionConfiguration
    /// Every element in canonical order; an element's `position` is its index here.
    public let elements: [DimensionElement]
    public let commonSkypix: DimensionElement
    /// Positions of the governor dimensions.
    public let governors: DimensionSet
    /// Positions of the elements that are dimensions rather than joins.
    public let dimensions: DimensionSet
    /// Spatial and temporal families: positions of the members, finest first. Pixelization systems are families.
    public let spatialFamilies: [String: [Int]]
    public let temporalFamilies: [String: [Int]]

    private let positions: [String: Int]
    private let layouts = Mutex<[DimensionSet: DimensionGroup.Layout]>([:])

    public var version: Int { configuration.version }
    public var namespace: String { configuration.namespace }

    /// - Throws: ``ButlerError`` of kind `malformedModel` when elements refer to unknown ones or to each other in a
    ///   circle, or when there are more than ``DimensionSet/capacity`` elements.
    public init(_ configuration: DimensionConfiguration) throws(ButlerError) {
        self.configuration = configuration
        var builder = UniverseBuilder(configuration)
        try builder.build()
        elements = builder.elements
        positions = builder.positions
        guard let common = builder.positions[configuration.commonSkypix],
            builder.elements[common].skypix != nil
        else {
            throw ButlerError(
                .malformedModel, "dimensions.skypix.common names the unknown dimension '\(configuration.commonSkypix)'."
            )
        }
        commonSkypix = elements[common]
        governors = DimensionSet(elements.filter(\.isGovernor).map(\.position))
        dimensions = DimensionSet(elements.filter(\.isDimension).map(\.position))
        var spatial: [String: [Int]] = [:]
        for family in configuration.spatialFamilies {
            spatial[family.name] = family.members.compactMap { builder.positions[$0] }
        }
        for element in elements.reversed() {
            if let skypix = element.skypix { spatial[skypix.system, default: []].append(element.position) }
        }
        spatialFamilies = spatial
        var temporal: [String: [Int]] = [:]
        for family in configuration.temporalFamilies {
            temporal[family.name] = family.members.compactMap { builder.positions[$0] }
        }
        temporalFamilies = temporal
    }

    /// The element with this name, or `nil`. Cost: O(1).
    public func element(_ name: String) -> DimensionElement? { positions[name].map { elements[$0] } }

    /// The element with this name.
    /// - Throws: ``ButlerError`` of kind `dimensionName`.
    public func requireElement(_ name: String) throws(ButlerError) -> DimensionElement {
        guard let element = element(name) else {
            throw ButlerError(
                .dimensionName,
                "No dimension element with name '\(name)' in universe '\(namespace)' version \(version).")
        }
        return element
    }

    // MARK: Groups

    /// The group of these dimensions and all that they require and imply.
    /// - Throws: ``ButlerError`` of kind `dimensionName` for a name that is no dimension.
    public func group(_ names: some Sequence<String>) throws(ButlerError) -> DimensionGroup {
        var members = DimensionSet()
        for name in names {
            guard let position = positions[name], dimensions.contains(position) else {
                throw ButlerError(
                    .dimensionName,
                    "No dimension with name '\(name)' in universe '\(namespace)' version \(version).")
            }
            members.insert(position)
        }
        return group(conforming: members)
    }

    public var emptyGroup: DimensionGroup { group(conforming: DimensionSet()) }

    /// The group of these positions and all that they require and imply.
    public func group(conforming members: DimensionSet) -> DimensionGroup {
        var closed = members.intersection(dimensions)
        while true {
            var next = closed
            for position in closed {
                next.formUnion(elements[position].requiredSet)
                next.formUnion(elements[position].impliedSet)
            }
            if next == closed { break }
            closed = next
        }
        let layout = layouts.withLock { layouts in
            if let layout = layouts[closed] { return layout }
            let layout = DimensionGroup.Layout(members: closed, universe: self)
            layouts[closed] = layout
            return layout
        }
        return DimensionGroup(universe: self, layout: layout)
    }
}

extension DimensionUniverse: Equatable {
    public static func == (a: DimensionUniverse, b: DimensionUniverse) -> Bool {
        a === b || (a.namespace == b.namespace && a.version == b.version)
    }
}

/// Orders and resolves the elements of a configuration.
private struct UniverseBuilder {
    let configuration: DimensionConfiguration
    var elements: [DimensionElement] = []
    var positions: [String: Int] = [:]
    private var spatialFamilyOf: [String: String] = [:]
    private var temporalFamilyOf: [String: String] = [:]

    init(_ configuration: DimensionConfiguration) {
        self.configuration = configuration
        for family in configuration.spatialFamilies {
            for member in family.members { spatialFamilyOf[member] = family.name }
        }
        for family in configuration.temporalFamilies {
            for member in family.members { temporalFamilyOf[member] = family.name }
        }
    }

    private enum Item {
        case system(DimensionConfiguration.SkypixSystem)
        case element(DimensionConfiguration.Element)

        var name: String {
            switch self {
            case .system(let system): system.name
            case .element(let element): element.name
            }
        }

        var dependencies: [String] {
            switch self {
            case .system: []
            case .element(let element): element.requires + element.implies
            }
        }
    }

    mutating func build() throws(ButlerError) {
        let knownNames = Set(configuration.elements.map(\.name))
        var systemOfDimension: [String: String] = [:]
        for system in configuration.skypixSystems {
            guard system.minimumLevel >= 0, system.minimumLevel <= system.maximumLevel, system.maximumLevel <= 64 else {
                throw ButlerError(
                    .malformedModel, "Pixelization system '\(system.name)' has an impossible level range.")
            }
            for level in system.minimumLevel...system.maximumLevel {
                systemOfDimension["\(system.name)\(level)"] = system.name
            }
        }
        var pending =
            configuration.skypixSystems.map { Item.system($0) } + configuration.elements.map { Item.element($0) }
        for item in pending {
            for dependency in item.dependencies
            where !knownNames.contains(dependency) && systemOfDimension[dependency] == nil {
                throw ButlerError(
                    .malformedModel, "Dimension element '\(item.name)' refers to the unknown dimension '\(dependency)'."
                )
            }
        }
        while !pending.isEmpty {
            let pendingNames = Set(pending.map(\.name))
            let ready = pending.filter { item in
                !item.dependencies.contains { pendingNames.contains(systemOfDimension[$0] ?? $0) }
            }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            guard !ready.isEmpty else {
                let names = pendingNames.sorted().joined(separator: "', '")
                throw ButlerError(.malformedModel, "Dimension elements '\(names)' depend on each other in a circle.")
            }
            for item in ready {
                switch item {
                case .system(let system): try add(system)
                case .element(let element): try add(element)
                }
            }
            let added = Set(ready.map(\.name))
            pending.removeAll { added.contains($0.name) }
        }
    }

    private mutating func append(_ element: DimensionElement) throws(ButlerError) {
        guard elements.count < DimensionSet.capacity else {
            throw ButlerError(
                .malformedModel,
                "The dimension universe has more than \(DimensionSet.capacity) elements; this version cannot open it.")
        }
        guard positions.updateValue(element.position, forKey: element.name) == nil else {
            throw ButlerError(.malformedModel, "The dimension universe defines '\(element.name)' twice.")
        }
        elements.append(element)
    }

    private mutating func add(_ system: DimensionConfiguration.SkypixSystem) throws(ButlerError) {
        for level in system.minimumLevel...system.maximumLevel {
            let position = elements.count
            let definition = DimensionConfiguration.Element(
                name: "\(system.name)\(level)",
                documentation: "Pixels of level \(level) of the '\(system.name)' pixelization of the sky.",
                keys: [KeyColumn(name: "id", type: .int, isNullable: false, documentation: "")],
                requires: [], implies: [], metadata: [], isGovernor: false, isCached: false, alwaysJoin: false,
                populatedBy: nil, impliedUnionTarget: nil)
            try append(
                DimensionElement(
                    definition: definition, position: position, required: [position], implied: [],
                    skypix: .init(system: system.name, className: system.className, level: level),
                    spatialFamily: system.name, temporalFamily: nil,
                    keyColumns: [
                        ElementColumn(
                            name: "id", role: .required(dimension: position), type: .int, isNullable: false,
                            documentation: "")
                    ]))
        }
    }

    private mutating func add(_ definition: DimensionConfiguration.Element) throws(ButlerError) {
        let position = elements.count
        var required = DimensionSet()
        for name in definition.requires {
            guard let dependency = positions[name] else { continue }
            required.formUnion(elements[dependency].requiredSet)
        }
        let implied = DimensionSet(definition.implies.compactMap { positions[$0] })
        let others = Array(required)
        var keyColumns: [ElementColumn] = []
        for dimension in others {
            keyColumns.append(try keyColumn(of: elements[dimension], role: .required(dimension: dimension)))
        }
        if let key = definition.keys.first {
            keyColumns.append(
                ElementColumn(
                    name: key.name, role: .required(dimension: position), type: key.type, isNullable: false,
                    documentation: key.documentation))
        }
        for dimension in implied {
            keyColumns.append(try keyColumn(of: elements[dimension], role: .implied(dimension: dimension)))
        }
        try append(
            DimensionElement(
                definition: definition, position: position,
                required: definition.keys.isEmpty ? others : others + [position], implied: Array(implied), skypix: nil,
                spatialFamily: spatialFamilyOf[definition.name], temporalFamily: temporalFamilyOf[definition.name],
                keyColumns: keyColumns))
    }

    private func keyColumn(
        of dimension: DimensionElement, role: ElementColumn.Role
    ) throws(ButlerError) -> ElementColumn {
        guard let key = dimension.primaryKey else {
            throw ButlerError(.malformedModel, "'\(dimension.name)' has no key, so nothing can require or imply it.")
        }
        return ElementColumn(
            name: dimension.name, role: role, type: key.type, isNullable: false, documentation: key.documentation)
    }
}
