import StructuredData

/// The defaults that come with the program, built into it as YAML text (directory `Defaults`).
///
/// Each file is parsed when it is first asked for and kept for the life of the process; a program that never asks for
/// storage classes never parses them.
enum PackagedDefaults {
    /// A file by the name under which `DAF_BUTLER_CONFIG_PATH` directories can override it; `nil` if there is none.
    static func file(named name: String) throws -> StructuredMapping? {
        switch name {
        case "registry.yaml": try registry.get()
        case "datastore.yaml": try datastore.get()
        case "datastores/fileDatastore.yaml": try fileDatastore.get()
        case "storageClasses.yaml": try storageClasses.get()
        case "repo_transfer_formats.yaml": try transferFormats.get()
        case "dimensions.yaml": try dimensions.get()
        default: nil
        }
    }

    private static let registry = parsed(PackageResources.registry_yaml, name: "registry.yaml")
    private static let datastore = parsed(PackageResources.datastore_yaml, name: "datastore.yaml")
    private static let fileDatastore = parsed(PackageResources.fileDatastore_yaml, name: "fileDatastore.yaml")
    private static let storageClasses = parsed(PackageResources.storageClasses_yaml, name: "storageClasses.yaml")
    private static let transferFormats = parsed(
        PackageResources.repo_transfer_formats_yaml, name: "repo_transfer_formats.yaml")
    private static let dimensions = parsed(PackageResources.dimensions_yaml, name: "dimensions.yaml")

    private static func parsed(_ bytes: [UInt8], name: String) -> Result<StructuredMapping, ConfigurationError> {
        do {
            let value = try StructuredValue(yaml: bytes)
            guard let mapping = value.objectValue else {
                return .failure(
                    .wrongType(
                        location: "built-in \(name)", key: "(the whole file)", expected: "a mapping",
                        found: value.kindName))
            }
            return .success(mapping)
        } catch {
            return .failure(.syntax(location: "built-in \(name)", reason: "\(error)"))
        }
    }
}
