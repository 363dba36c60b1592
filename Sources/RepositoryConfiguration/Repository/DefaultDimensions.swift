import StructuredData

/// The dimension universe that a new repository gets.
public enum DefaultDimensions {
    /// The built-in configuration document: universe 8 of namespace `daf_butler`. First call: under a millisecond.
    public static func configuration() throws -> StructuredMapping {
        try PackagedDefaults.file(named: "dimensions.yaml") ?? [:]
    }

    /// The configuration document for `butler create`: the file at `path` (`--dimension-config`), or else the first
    /// `dimensions.yaml` in the directories of `DAF_BUTLER_CONFIG_PATH`, or else the built-in one. It is taken whole:
    /// nothing is merged into it.
    ///
    /// - Throws: ``ConfigurationError`` if the file is missing or lacks `version`, `elements` or `skypix`.
    public static func configuration(
        path: String?, environment: ConfigurationEnvironment, remote: (any RemoteConfigurationReader)? = nil
    ) async throws -> StructuredMapping {
        if let path {
            return try checked(try await ConfigurationDocument(path: path, environment: environment, remote: remote))
        }
        let loader = ConfigurationLoader(reader: ConfigurationReader(remote: remote), environment: environment)
        for directory in environment[ComponentDefaults.searchPathVariable]?.split(separator: ":") ?? [] {
            let location = ConfigurationLocation(String(directory), environment: environment).asDirectory
            let file = ConfigurationLocation("dimensions.yaml", environment: environment, relativeTo: location)
            if let document = try await loader.load(file) { return try checked(document) }
        }
        return try configuration()
    }

    private static func checked(_ document: ConfigurationDocument) throws -> StructuredMapping {
        for key in ["version", "elements", "skypix"] where document.values[key] == nil {
            throw ConfigurationError.missingKey(location: document.name, key: key)
        }
        return document.values
    }
}
