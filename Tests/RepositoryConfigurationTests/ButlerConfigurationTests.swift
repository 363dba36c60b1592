import RepositoryConfiguration
import StructuredData
import Testing

private let chained = "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"
private let remoteButler = """
    cls: lsst.daf.butler.remote_butler.RemoteButler
    remote_butler: {url: <butlerRoot>, authentication: cadc}

    """

/// Serves files from memory as if they were remote.
private struct Shelf: RemoteConfigurationReader {
    var files: [String: String]
    func reads(scheme: String) -> Bool { scheme == "https" || scheme == "s3" }
    func contents(ofURL url: String) async throws -> [UInt8]? { files[url].map { Array($0.utf8) } }
}

@Test func aRepositoryIsFoundByDirectoryFileURLAndLabel() async throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("my repo/butler.yaml", "registry: {namespace: found}\n")
    let root = directory.path + "/my repo"
    let inline = directory.environment(["DAF_BUTLER_REPOSITORIES": "main: \(root)\n"])
    let url = "file://" + root.replacing(" ", with: "%20")
    for argument in [root, root + "/", "my repo", file, url, url + "/butler.yaml", "main"] {
        let configuration = try await ButlerConfiguration.loadDirect(argument, inline)
        let registry = try configuration.registry()
        #expect(registry.namespace == "found", "\(argument)")
        #expect(registry.database == "sqlite:///\(root)/gen3.sqlite3", "\(argument)")
        #expect(configuration.document.location?.description == file)
    }
}

@Test func anIndexFileMapsLabels() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("r/butler.yaml", "")
    let index = try directory.write("index.json", #"{"here": "\#(directory.path)/r", "gone": "/no/such/place.yaml"}"#)
    let environment = directory.environment(["DAF_BUTLER_REPOSITORY_INDEX": index])
    _ = try await ButlerConfiguration.loadDirect("here", environment)
    #expect(try await RepositoryIndex.load(environment: environment)?.labels == ["here", "gone"])
    let unknown = await #expect(throws: ConfigurationError.self) {
        try await ButlerConfiguration.load("other", environment: environment)
    }
    #expect(unknown?.description.contains("labels of the repository index: gone, here") == true)
    await #expect(
        throws: ConfigurationError.notFound(
            location: "/no/such/place.yaml", hint: #"label "gone" of the repository index leads there"#)
    ) { try await ButlerConfiguration.load("gone", environment: environment) }
}

@Test func aBrokenIndexMattersOnlyWhenTheArgumentIsNoPath() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("r/butler.yaml", "")
    let both = directory.environment(["DAF_BUTLER_REPOSITORY_INDEX": "x.yaml", "DAF_BUTLER_REPOSITORIES": "a: b"])
    _ = try await ButlerConfiguration.loadDirect("r", both)
    await #expect(
        throws: ConfigurationError.conflictingEnvironment("DAF_BUTLER_REPOSITORY_INDEX", "DAF_BUTLER_REPOSITORIES")
    ) { try await ButlerConfiguration.load("label", environment: both) }

    let missing = directory.environment(["DAF_BUTLER_REPOSITORY_INDEX": "x.yaml"])
    _ = try await ButlerConfiguration.loadDirect("r", missing)
    let error = await #expect(throws: ConfigurationError.self) {
        try await ButlerConfiguration.load("label", environment: missing)
    }
    #expect(
        error?.description.contains("the file x.yaml that $DAF_BUTLER_REPOSITORY_INDEX names does not exist") == true)
}

@Test func indexEntriesMustBeText() async throws {
    let environment = ConfigurationEnvironment(variables: ["DAF_BUTLER_REPOSITORIES": "a: 1"], currentDirectory: "/")
    await #expect(throws: ConfigurationError.self) { try await RepositoryIndex.load(environment: environment) }
    let list = ConfigurationEnvironment(variables: ["DAF_BUTLER_REPOSITORIES": "[a]"], currentDirectory: "/")
    await #expect(throws: ConfigurationError.self) { try await RepositoryIndex.load(environment: list) }
}

@Test func theTopLevelRootReplacesTheDirectoryOfTheFile() async throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("away.yaml", "root: file:///data/repo/\n")
    let configuration = try await ButlerConfiguration.loadDirect(file, directory.environment())
    #expect(try configuration.registry().database == "sqlite:////data/repo/gen3.sqlite3")
    #expect(try configuration.datastore().files.first?.root.description == "/data/repo/datastore/")
}

@Test func aServerIsRecognisedWithAndWithoutReadingItsConfiguration() async throws {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/")
    let server = "https://data.example.org/api/butler/repo/dp1"
    guard case .remote(let unread) = try await ButlerConfiguration.load(server, environment: environment) else {
        Issue.record("taken for a direct repository")
        return
    }
    #expect(unread == RemoteButlerConfiguration(server: server, authentication: nil))

    let shelf = Shelf(files: [server + "/butler.yaml": remoteButler])
    guard case .remote(let read) = try await ButlerConfiguration.load(server, environment: environment, remote: shelf)
    else {
        Issue.record("taken for a direct repository")
        return
    }
    #expect(read == RemoteButlerConfiguration(server: server + "/", authentication: .cadc))
}

@Test func aRemoteFileCanDescribeADirectRepository() async throws {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/")
    let shelf = Shelf(files: [
        "s3://bucket/repo/butler.yaml": "datastore: !include store.yaml\n",
        "s3://bucket/repo/store.yaml": "datastore: {root: <butlerRoot>}\n",
    ])
    guard
        case .direct(let configuration) = try await ButlerConfiguration.load(
            "s3://bucket/repo", environment: environment, remote: shelf)
    else {
        Issue.record("taken for a server")
        return
    }
    #expect(try configuration.datastore().files.first?.root.description == "s3://bucket/repo/")
    await #expect(
        throws: ConfigurationError.unsupportedScheme(location: "s3://bucket/repo/butler.yaml", scheme: "s3")
    ) { try await ButlerConfiguration.load("s3://bucket/repo", environment: environment) }
}

@Test(arguments: ["run: a\n", "collection: a\n"])
func collectionKeysAreRefused(text: String) async throws {
    let directory = try TemporaryDirectory()
    try directory.write("butler.yaml", text)
    let error = await #expect(throws: ConfigurationError.self) {
        try await ButlerConfiguration.load(directory.path, environment: directory.environment())
    }
    guard case .forbiddenKey(_, String(text.prefix { $0 != ":" }), _) = error else {
        Issue.record("\(String(describing: error))")
        return
    }
}

@Test func anUnknownButlerClassIsNamed() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("butler.yaml", "cls: my.Butler\n")
    let error = await #expect(throws: ConfigurationError.self) {
        try await ButlerConfiguration.load(directory.path, environment: directory.environment())
    }
    #expect(error?.description.contains("names the class my.Butler") == true)
}

@Test func searchPathsLayBetweenDefaultsAndTheRepository() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("high/registry.yaml", "registry: {namespace: high}\n")
    try directory.write("low/registry.yaml", "namespace: low\ntemporary_tables: false\n")
    try directory.write("low/datastores/fileDatastore.yaml", "datastore: {records: {table: low}, checksum: true}\n")
    try directory.write("repo/butler.yaml", "datastore: {checksum: false}\nregistry: {registry: {db: 'sqlite://'}}\n")
    let environment = directory.environment([
        "DAF_BUTLER_CONFIG_PATH": "\(directory.path)/high:\(directory.path)/low:/no/such/directory"
    ])
    let configuration = try await ButlerConfiguration.loadDirect("repo", environment)
    let registry = try configuration.registry()
    #expect(registry.namespace == "high")
    #expect(!registry.allowsTemporaryTables)
    #expect(registry.database == "sqlite://")
    let datastore = try #require(try configuration.datastore().files.first)
    #expect(datastore.recordsTable == "low")
    #expect(!datastore.usesChecksum)
}

@Test func membersOfAChainAreExpandedOnTheirOwn() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("store.yaml", "datastore: {name: Second, root: <butlerRoot>/b, records: {table: b}}\n")
    try directory.write(
        "butler.yaml",
        """
        datastore:
          cls: \(chained)
          datastores:
            - {cls: lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore}
            - root: <butlerRoot>/a
              cached: {expiry: {mode: null}}
            - !include store.yaml
          datastore_constraints:
            - constraints: {reject: [all]}
            - {}
            - constraints: {accept: [raw]}
        """)
    let configuration = try await ButlerConfiguration.loadDirect(directory.path, directory.environment())
    guard case .chained(let members, _) = try configuration.datastore() else {
        Issue.record("not a chain")
        return
    }
    #expect(members.count == 3)
    #expect(members.map(\.datastore.name) == [nil, "FileDatastore@<butlerRoot>/a", "Second"])
    guard case .inMemory = members[0].datastore else {
        Issue.record("the first member is kept in memory")
        return
    }
    let files = try configuration.datastore().files
    #expect(files.map(\.root.description) == ["\(directory.path)/a/", "\(directory.path)/b/"])
    #expect(files.map(\.recordsTable) == ["file_datastore_records", "b"])
    #expect(files[0].cache?.expiry == .never)
    #expect(files[1].cache?.expiry == .datasets(4))
    let raw = LookupSubject(datasetType: "raw", dimensions: [], storageClass: "Exposure")
    #expect(members.map { $0.constraints.accepts(raw) } == [false, true, true])
    let bias = LookupSubject(datasetType: "bias", dimensions: [], storageClass: "Exposure")
    #expect(members.map { $0.constraints.accepts(bias) } == [false, true, false])
}

@Test func aChainNeedsAsManyConstraintsAsMembers() async throws {
    let directory = try TemporaryDirectory()
    try directory.write(
        "butler.yaml", "datastore: {cls: \(chained), datastores: [{root: a}], datastore_constraints: [{}, {}]}\n")
    let configuration = try await ButlerConfiguration.loadDirect(directory.path, directory.environment())
    let error = #expect(throws: ConfigurationError.self) { try configuration.datastore() }
    #expect(error?.description.contains("give one entry for each of the 1 datastores") == true)
}

@Test func anUnknownDatastoreClassIsNamedEvenInsideAChain() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("butler.yaml", "datastore: {cls: \(chained), datastores: [{cls: my.Store}]}\n")
    let configuration = try await ButlerConfiguration.loadDirect(directory.path, directory.environment())
    let error = #expect(throws: ConfigurationError.self) { try configuration.datastore() }
    #expect(error?.description.contains("names the class my.Store") == true)
}
