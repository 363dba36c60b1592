import RepositoryConfiguration
import StructuredData
import Testing

private func direct(_ yaml: String, _ variables: [String: String] = [:]) async throws -> DirectButlerConfiguration {
    let environment = ConfigurationEnvironment(variables: variables, currentDirectory: "/here")
    let document = try await ConfigurationDocument(yaml: yaml + "\nroot: /repo\n", environment: environment)
    guard case .direct(let configuration) = try await ButlerConfiguration.make(from: document, environment: environment)
    else { throw ButlerConfiguration.UnexpectedRemote() }
    return configuration
}

private func file(_ yaml: String, _ variables: [String: String] = [:]) async throws -> FileDatastoreConfiguration {
    try #require(try await direct(yaml, variables).datastore().files.first)
}

// MARK: - Registry

@Test func replicasAreNamedWithTheAgeThatTheyMayHave() async throws {
    let plain = try await direct("registry: {replicas: {databases: [postgresql://a, postgresql://c]}}").registry()
    #expect(plain.replicas?.databases == ["postgresql://a", "postgresql://c"])
    #expect(plain.replicas?.staleness == 5)
    let bounded = try await direct("registry: {replicas: {databases: ['postgresql://a/b'], staleness: 0.5}}").registry()
    #expect(bounded.replicas?.staleness == 0.5)
    #expect(try await direct("registry: {}").registry().replicas == nil)
}

@Test func registryManagersAreClassNamesOrMappings() async throws {
    let registry = try await direct(
        """
        registry:
          db: postgresql://host/db
          port: "5432"
          username: me
          managers:
            datasets: {cls: a.Datasets, config: {overrides: {x: {rename: y}}}, schema_version: 1.0.0}
            obscore: null
        """
    ).registry()
    #expect(
        registry.managers["datasets"]
            == RegistryConfiguration.Manager(
                className: "a.Datasets", configuration: ["overrides": ["x": ["rename": "y"]]], schemaVersion: "1.0.0"))
    #expect(
        registry.managers["opaque"]?.className
            == "lsst.daf.butler.registry.opaque.ByNameOpaqueTableStorageManager")
    #expect(registry.managers["obscore"] == nil)
    #expect(registry.connection.port == 5432)
    #expect(registry.connection.username == "me")
    #expect(registry.allowsTemporaryTables && !registry.checksReferencesTogether)
    #expect(registry.engines.keys.sorted() == ["postgresql", "sqlite"])
}

@Test(arguments: [
    (
        "registry: {managers: {datasets: {cls: a, other: 1}}}",
        #""registry.managers.datasets" has unexpected keys other"#
    ),
    ("registry: {managers: {datasets: {config: {}}}}", #""registry.managers.datasets.cls" is missing"#),
    ("registry: {managers: {datasets: 5}}", #""registry.managers.datasets" must be a class name or a mapping"#),
    ("registry: {managers: {datasets: null}}", #""registry.managers.datasets" is missing"#),
    ("registry: {temporary_tables: maybe}", #""registry.temporary_tables" must be true or false, not a string"#),
    ("registry: {references_together: 2}", #""registry.references_together" must be true or false, not an integer"#),
    ("registry: {db: null}", #""registry.db" is missing"#),
    ("registry: 3", #""registry" must be a mapping, not an integer"#),
    ("registry: {replicas: 3}", #""registry.replicas" must be a mapping, not an integer"#),
    ("registry: {replicas: {}}", #""registry.replicas.databases" is missing"#),
    ("registry: {replicas: {databases: []}}", #""registry.replicas.databases" is missing"#),
    ("registry: {replicas: {databases: postgresql://a/b}}", #""registry.replicas.databases" must be a list"#),
    (
        "registry: {replicas: {databases: [postgresql://a/b, 5]}}",
        #""registry.replicas.databases" must be a list of database URLs"#
    ),
    (
        "registry: {replicas: {databases: [postgresql://a/b], stale: 5}}",
        #""registry.replicas" has unexpected keys stale"#
    ),
    (
        "registry: {replicas: {databases: [postgresql://a/b], staleness: 0}}",
        #""registry.replicas.staleness" must be a number of seconds above 0, up to 86400"#
    ),
    (
        "registry: {replicas: {databases: [postgresql://a/b], staleness: -1.5}}",
        #""registry.replicas.staleness" must be a number of seconds above 0, up to 86400"#
    ),
    (
        "registry: {replicas: {databases: [postgresql://a/b], staleness: soon}}",
        #""registry.replicas.staleness" must be a number of seconds above 0, up to 86400"#
    ),
    (
        "registry: {replicas: {databases: [postgresql://a/b], staleness: .nan}}",
        #""registry.replicas.staleness" must be a number of seconds above 0, up to 86400"#
    ),
])
func wrongRegistrySectionsNameTheKey(yaml: String, expected: String) async throws {
    let configuration = try await direct(yaml)
    let error = #expect(throws: ConfigurationError.self) { try configuration.registry() }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
}

@Test func aPlaceHolderWithoutARootIsAnError() async throws {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/")
    let document = ConfigurationDocument(values: [:])
    guard case .direct(let configuration) = try await ButlerConfiguration.make(from: document, environment: environment)
    else { throw ButlerConfiguration.UnexpectedRemote() }
    #expect(
        throws: ConfigurationError.rootUndefined(key: "registry.db", value: "sqlite:///<butlerRoot>/gen3.sqlite3")
    ) { try configuration.registry() }
}

// MARK: - Datastore

@Test func theDatastoreNameKeepsThePlaceHolder() async throws {
    let datastore = try await file("datastore: {root: <butlerRoot>}")
    #expect(datastore.name == "FileDatastore@<butlerRoot>")
    #expect(datastore.root.description == "/repo/")
    #expect(try await file("").name == "FileDatastore@<butlerRoot>/datastore")
    #expect(try await file("datastore: {name: mine}").name == "mine")
}

@Test func fileDatastoreDefaultsAreInForce() async throws {
    let datastore = try await file("")
    #expect(datastore.recordsTable == "file_datastore_records")
    #expect(datastore.createsRoot)
    #expect(!datastore.usesChecksum && !datastore.trustsGetRequests)
    #expect(datastore.defaultTemplate?.hasPrefix("{run:/}/{datasetType}.{component:?}/") == true)
    #expect(datastore.templates.entries.count == 1)
    #expect(!datastore.composites.fallback && datastore.composites.disassembled.entries.isEmpty)
    #expect(datastore.constraints == .acceptAll)
    #expect(datastore.cache?.directory == nil)
    #expect(datastore.cache?.expiry == .datasets(4))
}

@Test func formatterEntriesReplaceTheDefaultParametersOfTheirClass() async throws {
    let datastore = try await file(
        """
        datastore:
          formatters:
            default: {a.F: {x: 1, y: {p: 1}}}
            write_recipes: {a.F: {fast: {level: 1}, none: null}}
            one: a.F
            two: {formatter: a.F, parameters: {y: {q: 2}}}
            instrument<HSC>: {one: b.G}
        """)
    let one = try #require(datastore.formatters[LookupKey(name: "one")])
    #expect(
        one
            == FormatterConfiguration(
                className: "a.F", parameters: ["x": 1, "y": ["p": 1]], recipes: ["fast": ["level": 1], "none": nil]))
    #expect(datastore.formatters[LookupKey(name: "two")]?.parameters == ["x": 1, "y": ["q": 2]])
    let hsc = LookupSubject(datasetType: "one", dimensions: [], storageClass: "S", instrument: "HSC")
    #expect(datastore.formatters.match(hsc)?.value.className == "b.G")
    // The defaults are still there.
    let exposure = datastore.formatters[LookupKey(name: "ExposureF")]
    #expect(exposure?.className == "lsst.obs.base.formatters.fitsExposure.FitsExposureFormatter")
    #expect(exposure?.parameters == ["recipe": "default"])
    #expect(exposure?.recipes["lossless"]?["mask"]?["algorithm"] == "GZIP_2")
}

@Test func templatesCanRefuseWhatNoKeyMatches() async throws {
    #expect(try await file("datastore: {templates: {default: false}}").defaultTemplate == nil)
    #expect(try await file("datastore: {templates: {default: \"{run}/x\"}}").defaultTemplate == "{run}/x")
}

@Test(arguments: [
    ("datastore: {formatters: {x: {format: a}}}", "unexpected keys format"),
    ("datastore: {formatters: {x: {parameters: {}}}}", #""datastore.formatters.x.formatter" is missing"#),
    ("datastore: {templates: {x: {a: b}}}", "only keys of the form instrument<NAME> may hold a mapping"),
    ("datastore: {templates: {default: 5}}", #""datastore.templates.default" must be a template or false"#),
    (
        "datastore: {composites: {disassembled: {x: 1}}}",
        #""datastore.composites.disassembled.x" must be true or false"#
    ),
    ("datastore: {cached: {expiry: {mode: often}}}", "use one of datasets, files"),
    ("datastore: {cached: {root: \"s3://b/c\"}}", "use a local directory"),
    ("datastore: {constraints: {accept: [all], reject: [all]}}", "not both"),
    ("datastore: {constraints: {accept: [{a: b}]}}", "write instrument<NAME>:"),
    ("datastore: {root: 5}", #""datastore.root" must be a string, not an integer"#),
])
func wrongDatastoreSectionsNameTheKey(yaml: String, expected: String) async throws {
    let configuration = try await direct(yaml)
    let error = #expect(throws: ConfigurationError.self) { try configuration.datastore() }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
}

@Test func theEnvironmentOverridesTheCache() async throws {
    let rooted = "datastore: {cached: {root: /configured}}"
    #expect(try await file(rooted).cache?.directory?.description == "/configured/")
    let always = ["DAF_BUTLER_CACHE_DIRECTORY": "/always", "DAF_BUTLER_CACHE_DIRECTORY_IF_UNSET": "/unset"]
    #expect(try await file(rooted, always).cache?.directory?.description == "/always/")
    let unset = ["DAF_BUTLER_CACHE_DIRECTORY_IF_UNSET": "/unset"]
    #expect(try await file(rooted, unset).cache?.directory?.description == "/configured/")
    #expect(try await file("", unset).cache?.directory?.description == "/unset/")
    let mode = "DAF_BUTLER_CACHE_EXPIRATION_MODE"
    #expect(try await file("", [mode: "size=1000"]).cache?.expiry == .size(1000))
    #expect(try await file("", [mode: "age=60"]).cache?.expiry == .age(60))
    #expect(try await file("", [mode: "disabled"]).cache == nil)
    await #expect(throws: ConfigurationError.self) { try await file("", [mode: "sometimes"]) }
}
