import RepositoryConfiguration

/// How datasets come apart into components and together again, and what else can be derived from them, in the way of
/// one Python delegate class. Source: repository format reference, sections 6.6 and 6.7.
protocol StorageClassDelegate: Sendable {
    /// The components of a value by name; `nil` for a value that it cannot take apart.
    func parts(of value: DatasetValue) throws -> [String: DatasetValue]?

    /// A component, stored or derived; `nil` when it cannot be made from the value.
    func component(_ name: String, of value: DatasetValue) throws -> DatasetValue?

    /// The component that holds all that is needed for a derived one; `nil` when it cannot be derived.
    func source(ofDerived name: String) -> String?

    /// The whole, from all the components that were stored.
    func whole(_ components: [String: DatasetValue]) throws -> DatasetValue
}

enum DelegateCatalog {
    /// The delegate that stands for the Python class of a storage class.
    static func delegate(for definition: StorageClassDefinition?) -> any StorageClassDelegate {
        switch definition?.delegate {
        case "lsst.obs.base.exposureAssembler.ExposureAssembler": ExposureDelegate()
        case "lsst.daf.butler.delegates.arrowtable.ArrowTableDelegate": TableDelegate()
        default: GenericDelegate()
        }
    }
}

/// Mappings and composites: components are members.
struct GenericDelegate: StorageClassDelegate {
    func parts(of value: DatasetValue) -> [String: DatasetValue]? {
        switch value {
        case .composite(let components): components
        case .structured(.object(let mapping)):
            Dictionary(
                mapping.pairs.map { ($0.key, DatasetValue.structured($0.value)) }, uniquingKeysWith: { _, last in last }
            )
        default: nil
        }
    }

    func component(_ name: String, of value: DatasetValue) -> DatasetValue? { parts(of: value)?[name] }

    func source(ofDerived name: String) -> String? { nil }

    func whole(_ components: [String: DatasetValue]) -> DatasetValue { .composite(components) }
}
