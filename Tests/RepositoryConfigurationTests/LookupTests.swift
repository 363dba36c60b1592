import RepositoryConfiguration
import Testing

/// A universe of a few dimensions: completes `exposure` and `physical_filter` and knows no others.
private let conform: LookupKey.DimensionConformer = { names in
    var group: Set<String> = []
    for name in names {
        switch name {
        case "exposure": group.formUnion(["exposure", "instrument", "physical_filter", "band", "day_obs", "group"])
        case "detector": group.formUnion(["detector", "instrument"])
        case "physical_filter": group.formUnion(["physical_filter", "instrument", "band"])
        case "instrument", "band": group.insert(name)
        default: return nil
        }
    }
    return group
}

@Test func keysAreNamesGroupsOrInstrumentRestrictions() {
    #expect(LookupKey(parsing: "calexp.wcs") == LookupKey(name: "calexp.wcs"))
    #expect(LookupKey(parsing: "a+b+c") == LookupKey(dimensions: ["c", "b", "a"]))
    #expect(LookupKey(parsing: "a+") == LookupKey(dimensions: ["a"]))
    #expect(LookupKey.Restriction(parsing: "instrument<HSC>") == .init(key: "instrument", value: "HSC"))
    #expect(LookupKey.Restriction(parsing: "instrument<a<b>>") == .init(key: "instrument", value: "a<b>"))
    for text in ["instrument", "Instrument<HSC>", "instrument<HSC", "<HSC>", "instrument2<HSC>"] {
        #expect(LookupKey.Restriction(parsing: text) == nil, "\(text)")
    }
}

@Test func lookupPrefersInstrumentThenNameParentDimensionsAndStorageClass() {
    let instrument = LookupKey.Restriction(key: "instrument", value: "HSC")
    let component = LookupSubject(
        datasetType: "calexp.wcs", parent: "calexp", dimensions: ["instrument", "visit"], storageClass: "Wcs",
        parentStorageClass: "ExposureF", instrument: "HSC")
    let general = [
        LookupKey(name: "calexp.wcs"), LookupKey(name: "calexp"), LookupKey(dimensions: ["instrument", "visit"]),
        LookupKey(name: "Wcs"), LookupKey(name: "ExposureF"),
    ]
    let restricted = [
        LookupKey(name: "calexp.wcs", restriction: instrument), LookupKey(name: "calexp", restriction: instrument),
        LookupKey(dimensions: ["instrument", "visit"], restriction: instrument),
        LookupKey(name: "Wcs", restriction: instrument), LookupKey(name: "ExposureF", restriction: instrument),
    ]
    #expect(component.keys == restricted + general)

    // With every key present, each lookup finds the best one that is left.
    var remaining = restricted + general
    while let best = remaining.first {
        let table = LookupTable(entries: remaining.reversed().map { (key: $0, value: "\($0)") })
        #expect(table.match(component)?.key == best)
        remaining.removeFirst()
    }
    #expect(LookupTable<Int>(entries: []).match(component) == nil)
}

@Test func aDatasetWithoutDimensionsMatchesNoGroup() {
    let subject = LookupSubject(datasetType: "cfg", dimensions: [], storageClass: "Config")
    #expect(subject.keys == [LookupKey(name: "cfg"), LookupKey(name: "Config")])
}

@Test func groupsMatchOnceTheyAreCompleted() {
    let raw = LookupSubject(
        datasetType: "raw",
        dimensions: ["exposure", "instrument", "physical_filter", "band", "day_obs", "group", "detector"],
        storageClass: "Exposure", instrument: "HSC")
    let table = LookupTable(entries: [(key: LookupKey(parsing: "physical_filter+detector+exposure"), value: 1)])
    #expect(table.match(raw) == nil)
    #expect(table.conformed(by: conform).match(raw)?.value == 1)
    // Another universe may lack a dimension of the key.
    let unknown = LookupTable(entries: [(key: LookupKey(parsing: "exposure+amplifier"), value: 1)])
    #expect(unknown.conformed(by: conform).match(raw) == nil)
}

@Test func ofTwoKeysThatBecomeEqualTheLaterCounts() {
    let table = LookupTable(entries: [
        (key: LookupKey(parsing: "detector+"), value: 1), (key: LookupKey(parsing: "instrument+detector"), value: 2),
    ]).conformed(by: conform)
    #expect(table.entries.map(\.value) == [2])
}

@Test func aWholeDatastoreIsConformedAtOnce() async throws {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/")
    let text = """
        root: /r
        datastore:
          constraints: {accept: [exposure+detector]}
          templates: {detector+: "{run}/{detector}"}
          formatters: {detector+: a.B}
          composites: {disassembled: {detector+: true}}
          cached: {default: false, cacheable: {detector+: true}}
        """
    let document = try await ConfigurationDocument(yaml: text, environment: environment)
    guard case .direct(let configuration) = try await ButlerConfiguration.make(from: document, environment: environment)
    else { throw ButlerConfiguration.UnexpectedRemote() }
    let file = try #require(try configuration.datastore().conformed(by: conform).files.first)
    let flat = LookupSubject(datasetType: "flat", dimensions: ["instrument", "detector"], storageClass: "X")
    #expect(file.templates.match(flat)?.value == "{run}/{detector}")
    #expect(file.formatters.match(flat)?.value.className == "a.B")
    #expect(file.composites.disassembles(flat))
    #expect(file.cache?.caches(flat) == true)
    #expect(!file.constraints.accepts(flat))
    let raw = LookupSubject(
        datasetType: "raw",
        dimensions: ["exposure", "instrument", "physical_filter", "band", "day_obs", "group", "detector"],
        storageClass: "X")
    #expect(file.constraints.accepts(raw))
    // The built-in template for raw data is conformed with the rest.
    #expect(file.templates.match(raw)?.value.contains("{exposure.obs_id}") == true)
}
