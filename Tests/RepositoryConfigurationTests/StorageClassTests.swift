import RepositoryConfiguration
import StructuredData
import Testing

private func registry(_ own: StructuredMapping) async throws -> StorageClassRegistry {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/")
    let document = ConfigurationDocument(values: ["storageClasses": .object(own)])
    guard case .direct(let configuration) = try await ButlerConfiguration.make(from: document, environment: environment)
    else { throw ButlerConfiguration.UnexpectedRemote() }
    return try configuration.storageClasses()
}

@Test func theStandardClassesResolveInheritance() throws {
    let registry = try StorageClassRegistry.standard()
    #expect(registry.names.count == 122)
    let exposureF = try registry.definition(named: "ExposureF", usedBy: "test")
    #expect(exposureF.pytype == "lsst.afw.image.ExposureF")
    #expect(exposureF.delegate == "lsst.obs.base.exposureAssembler.ExposureAssembler")
    #expect(exposureF.components.count == 16)
    #expect(exposureF.component(named: "image") == "ImageF")
    #expect(exposureF.component(named: "wcs") == "Wcs")
    #expect(exposureF.component(named: "bbox") == "Box2I")
    #expect(exposureF.component(named: "nothing") == nil)
    #expect(exposureF.isComposite)
    #expect(
        exposureF.converters.map(\.source) == [
            "lsst.images.DifferenceImage", "lsst.images.VisitImage", "lsst.images.cells.CellCoadd",
        ])
    let difference = try registry.definition(named: "DifferenceImage", usedBy: "test")
    #expect(!difference.isComposite)
    #expect(difference.component(named: "variance") == "ImageV2")
    #expect(difference.component(named: "psf") == "PointSpreadFunction")
    #expect(difference.component(named: "kernel") == "ConvolutionKernel")
    #expect(difference.parameters == ["bbox", "components"])
    #expect(registry.component("summaryStats", of: "Exposure")?.pytype == "lsst.afw.image.ExposureSummaryStats")
    #expect(registry.knownParameters(of: "MaskedImageF") == ["bbox", "origin"])
}

@Test func everyStandardComponentIsDefined() throws {
    let registry = try StorageClassRegistry.standard()
    for name in registry.names {
        let definition = try registry.definition(named: name, usedBy: "test")
        for component in definition.components + definition.derivedComponents {
            #expect(registry[component.storageClass] != nil, "\(name).\(component.name)")
        }
    }
}

@Test func aRepositoryAddsClassesThatBuildOnKnownOnes() async throws {
    let registry = try await registry([
        "Mine": ["inheritsFrom": "ExposureF", "components": ["extra": "MyPart"], "parameters": ["speed"]],
        "MyPart": ["pytype": "my.Part"],
        "MyImage": ["inheritsFrom": "Image", "converters": ["lsst.images.Image": "my.function", "a.B": "my.other"]],
    ])
    #expect(registry["Mine"]?.components.count == 17)
    #expect(registry["Mine"]?.parameters.contains("speed") == true)
    #expect(registry["Mine"]?.parameters.contains("bbox") == true)
    #expect(registry["MyImage"]?.pytype == "lsst.afw.image.Image")
    #expect(registry["MyImage"]?.converters.map(\.function) == ["my.function", "my.other"])
    #expect(registry.names.count == 125)
}

@Test func aClassMayBeRepeatedButNotChanged() async throws {
    _ = try await registry(["int": ["pytype": "int"], "Wcs": ["converters": ["a.B": "c.d"]]])
    let expected = ConfigurationError.storageClassConflict(
        name: "int", location: "the given configuration", differences: ["pytype"])
    await #expect(throws: expected) { try await registry(["int": ["pytype": "float"]]) }
    let parameters = await #expect(throws: ConfigurationError.self) {
        try await registry(["Stamps": ["parameters": ["bbox", "more"]]])
    }
    #expect(parameters?.description.contains("another parameters") == true)
    let components = await #expect(throws: ConfigurationError.self) {
        try await registry(["ExposureF": ["components": ["image": "ImageI"]]])
    }
    #expect(components?.description.contains("another components") == true)
}

@Test(
    arguments: [
        (["A": ["inheritsFrom": "Missing"]], #"Storage class "Missing" (the base of A) is not defined"#),
        (
            ["A": ["pytype": "a", "components": ["x": "Missing", "y": "int"]]],
            #"Storage class "Missing" (component x of A)"#
        ),
        (["A": ["pytype": "a", "components": ["x": "int"]]], "a composite has at least two components"),
        (["A": ["parameters": ["x"]]], #""storageClasses.A.pytype" is missing"#),
        (["A": ["inheritsFrom": "B"], "B": ["inheritsFrom": "A"]], "refer to each other in a circle (A → B → A)"),
        (["A": ["pytype": "a", "parameters": "x"]], #""storageClasses.A.parameters" must be a list, not a string"#),
        (["A": 5], #""storageClasses.A" must be a mapping, not an integer"#),
    ] as [(StructuredMapping, String)])
func wrongDefinitionsAreExplained(section: StructuredMapping, expected: String) async throws {
    let error = await #expect(throws: ConfigurationError.self) { try await registry(section) }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
}

@Test(arguments: [
    ("ArrowTable", "DataFrame", true),  // by a converter whose type has another name
    ("DataFrame", "ArrowTable", true),
    ("AstropyQTable", "ArrowAstropy", true),  // a subtype
    ("AstropyTable", "AstropyQTable", false),
    ("StructuredDataDict", "ArrowNumpyDict", true),  // the same type
    ("StructuredDataDict", "DataFrame", true),
    ("ExposureF", "Exposure", true),  // a subtype by inheritance
    ("Exposure", "ExposureF", false),
    ("VisitImage", "ExposureF", true),
    ("ExposureF", "VisitImage", true),  // converter from a supertype
    ("DifferenceImage", "MaskedImageV2", true),
    ("TaskMetadata", "PropertySet", true),
    ("PropertyList", "PropertySet", true),
    ("int", "StructuredDataDict", false),
    ("int", "int", true),
    ("Missing", "Missing", false),
    ("Missing", "int", false),
])
func conversionFollowsTypeNamesAndConverters(source: String, target: String, expected: Bool) throws {
    #expect(try StorageClassRegistry.standard().canConvert(source, to: target) == expected)
}

@Test func theFirstFittingConverterIsChosen() throws {
    let registry = try StorageClassRegistry.standard()
    #expect(
        registry.converter(from: "DifferenceImage", to: "Exposure")?.function == "lsst.images.DifferenceImage.to_legacy"
    )
    #expect(registry.converter(from: "VisitImage", to: "Exposure")?.function == "lsst.images.VisitImage.to_legacy")
    #expect(registry.converter(from: "ExposureF", to: "Exposure") == nil)
    #expect(registry.converter(from: "int", to: "Exposure") == nil)
}
