/// The managers of a repository's tables and the schema versions that this code reads and writes.
///
/// Source: repository format reference, sections 2.7 and 2.8.
enum Manager: String, CaseIterable {
    case attributes
    case dimensions
    case collections
    case datasets
    case opaque
    case datastores

    private static let prefix = "lsst.daf.butler.registry."

    /// The class name that a repository's attributes hold.
    var storedClassName: String {
        switch self {
        case .attributes: Self.prefix + "attributes.DefaultButlerAttributeManager"
        case .dimensions: Self.prefix + "dimensions.static.StaticDimensionRecordStorageManager"
        case .collections: Self.prefix + "collections.synthIntKey.SynthIntKeyCollectionManager"
        case .datasets: Self.prefix + "datasets.byDimensions._manager.ByDimensionsDatasetRecordStorageManagerUUID"
        case .opaque: Self.prefix + "opaque.ByNameOpaqueTableStorageManager"
        case .datastores: Self.prefix + "bridge.monolithic.MonolithicDatastoreRegistryBridgeManager"
        }
    }

    /// The class name that a `butler.yaml` holds: packages re-export the class, so its module may be shorter.
    var configuredClassName: String {
        switch self {
        case .datasets: Self.prefix + "datasets.byDimensions.ByDimensionsDatasetRecordStorageManagerUUID"
        default: storedClassName
        }
    }

    /// Versions that this code supports, newest first; the first is written at creation.
    var supportedVersions: [SchemaVersion] {
        switch self {
        case .attributes: [SchemaVersion(1, 0, 1)]
        case .dimensions: [SchemaVersion(6, 0, 2)]
        case .collections: [SchemaVersion(2, 0, 0)]
        case .datasets: [SchemaVersion(2, 0, 0), SchemaVersion(1, 0, 0)]
        case .opaque: [SchemaVersion(0, 2, 0)]
        case .datastores: [SchemaVersion(0, 2, 1)]
        }
    }
}

/// A schema version `major.minor.patch`.
struct SchemaVersion: Hashable, CustomStringConvertible {
    let major: Int
    let minor: Int
    let patch: Int

    init(_ major: Int, _ minor: Int, _ patch: Int) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard parts.count == 3, text.split(separator: ".").count == 3 else { return nil }
        self.init(parts[0], parts[1], parts[2])
    }

    var description: String { "\(major).\(minor).\(patch)" }

    /// Whether code for this version may use a repository with the `stored` one. Patches never matter; an older minor
    /// version may be read but not written.
    func isCompatible(withStored stored: SchemaVersion, forWriting: Bool) -> Bool {
        guard major == stored.major else { return false }
        return minor == stored.minor || (minor > stored.minor && !forWriting)
    }
}

extension Manager {
    /// Checks the version rows and class rows of a repository.
    /// - Parameters:
    ///   - attributes: the content of `butler_attributes`.
    ///   - configured: class names by kind, from the configuration.
    static func check(
        attributes: [String: String], configured: [String: String], forWriting: Bool
    ) throws(RegistryError) {
        for (kind, className) in configured.sorted(by: { $0.key < $1.key }) where !attributes.isEmpty {
            guard let stored = attributes["config:registry.managers.\(kind)"] else {
                throw .missingManager(kind: kind)
            }
            guard let manager = Manager(rawValue: kind) else {
                // Optional managers, of which the one of the live ObsCore table is known: only writing needs them.
                let known = [ObsCoreTable.className, ObsCoreTable.shortClassName]
                guard className == stored || (stored == known[0] && known.contains(className)) else {
                    throw .managerMismatch(kind: kind, configured: className, stored: stored)
                }
                continue
            }
            guard stored == manager.storedClassName else {
                throw .unsupportedManager(kind: kind, className: stored)
            }
            guard className == stored || className == manager.configuredClassName else {
                throw .managerMismatch(kind: kind, configured: className, stored: stored)
            }
        }
        for manager in allCases {
            guard let text = attributes["version:\(manager.storedClassName)"] else { continue }
            guard let stored = SchemaVersion(text) else {
                throw .malformedVersion(manager: manager.storedClassName, stored: text)
            }
            let supported = manager.supportedVersions
            let isUsable =
                manager == .datasets
                ? supported.contains(stored)
                : supported.contains { $0.isCompatible(withStored: stored, forWriting: forWriting) }
            guard isUsable else {
                throw .incompatibleVersion(
                    manager: manager.storedClassName, stored: text, supported: supported.map(\.description),
                    forWriting: forWriting)
            }
        }
    }
}
