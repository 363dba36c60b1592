import ButlerModel
import StructuredData
import Testing

@Suite struct DimensionUniverseTests {
    let universe: DimensionUniverse

    init() throws { universe = try TestUniverse.make() }

    @Test func canonicalOrderFollowsDependenciesThenNames() {
        let names = universe.elements.filter { $0.skypix == nil }.map(\.name)
        #expect(
            names == [
                "band", "instrument", "skymap", "day_obs", "detector", "group", "physical_filter", "tract", "exposure",
                "patch", "visit", "visit_definition", "visit_detector_region",
            ])
        #expect(universe.elements[0].name == "band")
        #expect(universe.elements[1].name == "healpix1")
        #expect(universe.elements.firstIndex { $0.name == "htm1" } == 18)
    }

    @Test func aDimensionIsTheLastOfItsOwnRequiredOnes() throws {
        let patch = try universe.requireElement("patch")
        #expect(patch.required.map { universe.elements[$0].name } == ["skymap", "tract", "patch"])
        #expect(patch.columns.map(\.name) == ["skymap", "tract", "id", "cell_x", "region"])
    }

    @Test func recordColumnsAreRequiredImpliedAlternateMetadataRegionTimespan() throws {
        let visit = try universe.requireElement("visit")
        #expect(
            visit.columns.map(\.name) == [
                "instrument", "id", "day_obs", "physical_filter", "name", "exposure_time", "region", "timespan",
            ])
        let join = try universe.requireElement("visit_detector_region")
        #expect(join.columns.map(\.name) == ["instrument", "detector", "visit", "region"])
    }

    @Test func legacyStorageEntriesSetFlags() throws {
        let band = try universe.requireElement("band")
        #expect(band.isCached)
        #expect(band.impliedUnionTarget == "physical_filter")
        #expect(!band.hasOwnTable)
    }

    @Test func groupsCloseUnderRequiresAndImplies() throws {
        let group = try universe.group(["visit", "detector", "tract", "patch"])
        #expect(group.requiredNames == ["instrument", "skymap", "detector", "tract", "patch", "visit"])
        #expect(group.impliedNames == ["band", "day_obs", "physical_filter"])
        #expect(
            group.lookupOrder.map(\.name) == [
                "instrument", "skymap", "detector", "tract", "patch", "visit", "day_obs", "physical_filter", "band",
                "visit_detector_region",
            ])
        #expect(group.spatialElements.map(\.name) == ["visit_detector_region", "patch"])
        #expect(group.temporalElements.map(\.name) == ["visit"])
    }

    @Test func unknownAndJoinNamesAreNoDimensions() {
        #expect(throws: ButlerError.self) { try universe.group(["nonsense"]) }
        #expect(throws: ButlerError.self) { try universe.group(["visit_definition"]) }
    }

    @Test(arguments: [
        #"{"skypix": {"common": "htm7", "htm": {"class": "x.Unknown"}}, "elements": {}}"#,
        #"{"skypix": {"common": "htm7"}, "elements": {}}"#,
        #"{"elements": {}}"#,
        #"[]"#,
        #"{"skypix": {"common": "htm1", "htm": {"class": "lsst.sphgeom.HtmPixelization", "max_level": 900}}, "elements": {}}"#,
        #"{"skypix": {"common": "htm1", "htm": {"class": "lsst.sphgeom.HtmPixelization", "max_level": 1}}, "elements": {"a": {"keys": [{"name": "id", "type": "int"}], "requires": ["b"]}, "b": {"keys": [{"name": "id", "type": "int"}], "requires": ["a"]}}}"#,
        #"{"skypix": {"common": "htm1", "htm": {"class": "lsst.sphgeom.HtmPixelization", "max_level": 1}}, "elements": {"a": {"keys": [{"name": "id", "type": "complex"}]}}}"#,
        #"{"skypix": {"common": "htm1", "htm": {"class": "lsst.sphgeom.HtmPixelization", "max_level": 1}}, "elements": {"a": {"requires": ["nowhere"]}}}"#,
    ])
    func malformedConfigurationsAreRefused(document: String) throws {
        let value = try StructuredValue(json: document)
        #expect(throws: ButlerError.self) { try DimensionUniverse(DimensionConfiguration(value)) }
    }
}
