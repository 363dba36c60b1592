import Registry
import StructuredData
import Testing

@Suite struct ObsCoreTests {
    private static let least: StructuredMapping = [
        "version": 1, "facility_name": "F", "collection_type": "RUN",
        "dataset_types": ["raw": ["dataproduct_type": "image", "calib_level": 1]],
    ]

    @Test func theLeastConfigurationIsEnoughAndUnknownKeysAreIgnored() throws {
        _ = try ObsCoreConfiguration(Self.least)
        var more = Self.least
        more["use_butler_uri"] = true
        #expect(try ObsCoreConfiguration(more) == ObsCoreConfiguration(Self.least))
    }

    @Test(arguments: ["version", "facility_name", "collection_type", "dataset_types"])
    func whatIsMissingIsNamed(key: String) throws {
        var less = Self.least
        less[key] = nil
        let error = #expect(throws: RegistryError.self) { try ObsCoreConfiguration(less) }
        #expect(error?.description.contains(key) == true)
    }

    @Test func wrongTypesAreNamedWithTheirPlace() throws {
        for (key, value, place) in [
            ("collections", "a" as StructuredValue, "collections"), ("spectral_ranges", ["g": [1, 2, 3]], "ranges.g"),
            ("extra_columns", ["x": [1]], "extra_columns.x"), ("spatial_plugins", ["p": [:]], "spatial_plugins.p"),
            ("dataset_types", ["raw": ["dataproduct_type": 3, "calib_level": 1]], "raw.dataproduct_type"),
        ] {
            var wrong = Self.least
            wrong[key] = value
            let error = #expect(throws: RegistryError.self) { try ObsCoreConfiguration(wrong) }
            #expect(error?.description.contains(place) == true, "\(key): \(error?.description ?? "none")")
        }
    }

    @Test func onlyTheManagerOfPythonIsKnown() {
        #expect(throws: RegistryError.self) { try ObsCoreConfiguration(manager: "x.Y", Self.least) }
        #expect(throws: Never.self) {
            try ObsCoreConfiguration(
                manager: "lsst.daf.butler.registry.obscore.ObsCoreLiveTableManager", Self.least)
        }
    }
}
