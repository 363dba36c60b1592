import RepositoryConfiguration
import StructuredData
import Testing

@Test func theDefaultUniverseIsVersion8() throws {
    let universe = try DefaultDimensions.configuration()
    #expect(universe["version"] == 8)
    #expect(universe["namespace"] == "daf_butler")
    #expect(universe["skypix"]?["common"] == "htm7")
    #expect(universe["skypix"]?["htm"]?["max_level"] == 24)
    #expect(universe["skypix"]?["healpix"]?["max_level"] == 17)
    let elements = try #require(universe["elements"]?.objectValue)
    #expect(
        elements.keys.sorted() == [
            "band", "day_obs", "detector", "exposure", "group", "instrument", "patch", "physical_filter", "skymap",
            "ssp_balanced_index", "ssp_hypothesis_bundle", "ssp_hypothesis_table", "subfilter", "tract", "visit",
            "visit_definition", "visit_detector_region", "visit_system", "visit_system_membership",
        ])
    #expect(elements["exposure"]?["implies"] == ["physical_filter", "group", "day_obs"])
    #expect(elements["exposure"]?["metadata"]?.arrayValue?.count == 16)
    #expect(elements["band"]?["storage"]?["nested"]?["view_of"] == "physical_filter")
}

@Test func everyElementOfTheDefaultUniverseIsDocumentedAndRefersToKnownOnes() throws {
    let elements = try #require(try DefaultDimensions.configuration()["elements"]?.objectValue)
    for (name, element) in elements.pairs {
        #expect(element["doc"]?.stringValue?.isEmpty == false, "\(name)")
        for key in ["requires", "implies"] {
            for other in element[key]?.arrayValue ?? [] {
                #expect(other.stringValue.flatMap { elements[$0] } != nil, "\(name) \(key) \(other)")
            }
        }
    }
}

@Test func aChosenUniverseIsTakenWholeFromItsFileOrTheSearchPath() async throws {
    let directory = try TemporaryDirectory()
    let small = "version: 3\nnamespace: mine\nelements: {}\nskypix: {common: htm7}\n"
    let file = try directory.write("mine.yaml", small)
    try directory.write("conf/dimensions.yaml", small.replacing("3", with: "4"))
    let plain = directory.environment()
    let path = directory.environment(["DAF_BUTLER_CONFIG_PATH": "/no/such:\(directory.path)/conf"])
    func version(_ file: String?, _ environment: ConfigurationEnvironment) async throws -> StructuredValue? {
        try await DefaultDimensions.configuration(path: file, environment: environment)["version"]
    }
    #expect(try await version(nil, plain) == 8)
    #expect(try await version(nil, path) == 4)
    #expect(try await version(file, path) == 3)
    try directory.write("bad.yaml", "version: 1\nelements: {}\n")
    await #expect(throws: ConfigurationError.missingKey(location: "\(directory.path)/bad.yaml", key: "skypix")) {
        try await version("bad.yaml", plain)
    }
}
