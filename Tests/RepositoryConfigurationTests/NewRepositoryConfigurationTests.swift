import RepositoryConfiguration
import StructuredData
import Testing

private let plainFile = """
    datastore:
      cls: lsst.daf.butler.datastores.fileDatastore.FileDatastore
      records:
        table: file_datastore_records
      root: <butlerRoot>
    registry:
      db: sqlite:///<butlerRoot>/gen3.sqlite3
      managers:
        attributes: lsst.daf.butler.registry.attributes.DefaultButlerAttributeManager
        collections: lsst.daf.butler.registry.collections.synthIntKey.SynthIntKeyCollectionManager
        datasets: lsst.daf.butler.registry.datasets.byDimensions.ByDimensionsDatasetRecordStorageManagerUUID
        datastores: lsst.daf.butler.registry.bridge.monolithic.MonolithicDatastoreRegistryBridgeManager
        dimensions: lsst.daf.butler.registry.dimensions.static.StaticDimensionRecordStorageManager
        opaque: lsst.daf.butler.registry.opaque.ByNameOpaqueTableStorageManager

    """

private func make(
    _ seed: StructuredMapping = [:], standalone: Bool = false, override: Bool = false, outfile: String? = nil
) async throws -> NewRepositoryConfiguration {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/here")
    let options = NewRepositoryConfiguration.Options(
        seed: ConfigurationDocument(values: seed), isStandalone: standalone, keepsSeedRoots: override, outfile: outfile)
    return try await NewRepositoryConfiguration.make(root: "repo", options: options, environment: environment)
}

@Test func aPlainRepositoryGetsTheStandardFileByteForByte() async throws {
    let new = try await make()
    #expect(new.text == plainFile)
    #expect(new.file.description == "/here/repo/butler.yaml")
    #expect(try new.configuration.registry().database == "sqlite:////here/repo/gen3.sqlite3")
    #expect(try new.configuration.datastore().files.first?.root.description == "/here/repo/")
}

@Test func seedRootsSurviveOnlyWithOverride() async throws {
    let seed: StructuredMapping = [
        "datastore": ["root": "/store"], "registry": ["db": "sqlite:////db.sqlite3"], "root": "/ignored",
    ]
    let forced = try await make(seed)
    #expect(forced.text == plainFile)
    let kept = try await make(seed, override: true)
    #expect(kept.values["datastore"]?["root"] == "/store")
    #expect(kept.values["registry"]?["db"] == "sqlite:////db.sqlite3")
    #expect(kept.values["root"] == nil)
    let server = try await make(["registry": ["db": "postgresql://h/d", "namespace": "n"]])
    #expect(server.values["registry"]?["db"] == "postgresql://h/d")
    #expect(server.values["registry"]?["namespace"] == "n")
}

@Test func standaloneWritesEveryDefault() async throws {
    let new = try await make(standalone: true)
    #expect(new.values.keys.sorted() == ["datastore", "registry", "repo_transfer_formats", "storageClasses"])
    #expect(new.values["datastore"]?["root"] == "<butlerRoot>")
    #expect(new.values["storageClasses"]?.objectValue?.count == 122)
    let read = try await ConfigurationDocument(
        yaml: new.text, environment: ConfigurationEnvironment(variables: [:], currentDirectory: "/"))
    #expect(read.values == new.values)
}

@Test func chainMembersAreWrittenWithAllDefaultsAndRootsOfTheirOwn() async throws {
    let seed: StructuredMapping = [
        "datastore": [
            "cls": "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore",
            "datastores": [
                ["cls": "lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore"],
                ["datastore": ["root": "<butlerRoot>/a"]],
            ],
        ]
    ]
    func roots(_ new: NewRepositoryConfiguration) -> [StructuredValue?] {
        new.values["datastore"]?["datastores"]?.arrayValue?.map { $0["root"] } ?? []
    }
    let forced = try await make(seed)
    #expect(roots(forced) == [nil, "<butlerRoot>/FileDatastore_1"])
    let file = forced.values["datastore"]?["datastores"]?.arrayValue?.last
    #expect(file?["templates"] != nil && file?["formatters"] != nil && file?["cached"] != nil)
    #expect(roots(try await make(seed, override: true)) == [nil, "<butlerRoot>/a"])
}

@Test func anOutfileNamesTheRootAndMayBeJSONOrADirectory() async throws {
    let yaml = try await make(outfile: "/conf/mine.yaml")
    #expect(yaml.file.description == "/conf/mine.yaml")
    #expect(yaml.text == plainFile + "root: file:///here/repo/\n")
    let json = try await make(outfile: "/conf/mine.json")
    #expect(json.text.hasPrefix(#"{"datastore": {"#))
    #expect(try await make(outfile: "/conf/").file.description == "/conf/butler.yaml")
    await #expect(throws: ConfigurationError.unsupportedExtension(location: "/conf/x.txt")) {
        try await make(outfile: "/conf/x.txt")
    }
}

@Test func obscoreSettingsStayOutOfTheFile() async throws {
    let manager: StructuredValue = ["cls": "a.ObsCore", "config": ["version": 1]]
    let new = try await make(["registry": ["managers": ["obscore": manager]]])
    #expect(new.values["registry"]?["managers"]?["obscore"] == ["cls": "a.ObsCore"])
    #expect(try new.configuration.registry().managers["obscore"]?.configuration == ["version": 1])
    #expect(!new.droppedObscoreManager)
    let bare = try await make(["registry": ["managers": ["obscore": ["cls": "a.ObsCore"]]]])
    #expect(bare.droppedObscoreManager)
    #expect(bare.text == plainFile)
}
