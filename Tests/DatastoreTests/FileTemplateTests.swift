import ButlerModel
import RepositoryConfiguration
import StructuredData
import TestSupport
import Testing

@testable import Datastore

@Suite struct FileTemplateTests {
    static let fallback =
        "{run:/}/{datasetType}.{component:?}/{tract:?}/{patch:?}/{day_obs|visit.day_obs|exposure.day_obs:?}/{band:?}/"
        + "{subfilter:?}/{physical_filter:?}/{visit:?}/{exposure.obs_id|group:?}/{datasetType}_{component:?}_{instrument:?}"
        + "_{tract:?}_{patch:?}_{band:?}_{physical_filter:?}_{visit:?}_{exposure.obs_id|group:?}_{detector.full_name:?}"
        + "_{skymap:?}_{skypix:?}_{ssp_hypothesis_table:?}_{ssp_hypothesis_bundle:?}_{ssp_balanced_index:?}_{run}"
    static let raw =
        "{run:/}/{datasetType}.{component:?}/{day_obs|exposure.day_obs}/{exposure.obs_id}/{datasetType}_{component:?}"
        + "_{instrument:?}_{physical_filter}_{exposure.obs_id}_{detector.full_name}_{run}"

    func path(_ template: String, _ ref: DatasetRef) throws -> String { try FileTemplate(template).path(for: ref) }

    // MARK: The examples of the format reference

    @Test func expandedVisitAndDetectorFollowTheDefaultTemplate() throws {
        let ref = try TestData.ref(
            "calexp", ["instrument", "visit", "detector"],
            [
                "instrument": "HSC", "visit": 318, "detector": 0, "band": "y", "physical_filter": "HSC-Y",
                "day_obs": 20_140_324,
            ], attributes: ["detector.full_name": .string("1_53")])
        let template = try FileTemplate(Self.fallback)
        try template.validate(for: ref.datasetType)
        #expect(try template.path(for: ref) == "u/r/calexp/20140324/y/HSC-Y/318/calexp_HSC_y_HSC-Y_318_1_53_u_r")
    }

    @Test func exposureAndDetectorFollowTheirOwnTemplate() throws {
        let ref = try TestData.ref(
            "raw", ["instrument", "exposure", "detector"],
            [
                "instrument": "HSC", "exposure": 903_342, "detector": 50, "band": "r", "physical_filter": "HSC-R",
                "day_obs": 20_130_617, "group": "903342",
            ], attributes: ["detector.full_name": .string("1_12"), "exposure.obs_id": .string("HSCA90334200")])
        let template = try FileTemplate(Self.raw)
        try template.validate(for: ref.datasetType)
        #expect(
            try template.path(for: ref) == "u/r/raw/20130617/HSCA90334200/raw_HSC_HSC-R_HSCA90334200_1_12_u_r")
    }

    @Test func patchesSkyPixelsAndNoDimensionsFollowTheDefaultTemplate() throws {
        let coadd = try TestData.ref(
            "deepCoadd", ["patch", "band"], ["skymap": "SkyMap1", "tract": 0, "patch": 1, "band": "r"])
        #expect(try path(Self.fallback, coadd) == "u/r/deepCoadd/0/1/r/deepCoadd_0_1_r_SkyMap1_u_r")
        let catalog = try TestData.ref("refcat", ["htm7"], ["htm7": 148_193])
        #expect(try path(Self.fallback, catalog) == "u/r/refcat/refcat_148193_u_r")
        #expect(try path(Self.fallback, TestData.ref("cfg", [], [:])) == "u/r/cfg/cfg_u_r")
    }

    @Test func aComponentHasItsNameInTheFolderAndTheFile() throws {
        let values: [String: DataIDValue] = [
            "instrument": "HSC", "visit": 318, "band": "y", "physical_filter": "HSC-Y", "day_obs": 20_140_324,
        ]
        let component = try TestData.ref("img.wcs", ["visit"], values)
        #expect(try path(Self.fallback, component) == "u/r/img.wcs/20140324/y/HSC-Y/318/img_wcs_HSC_y_HSC-Y_318_u_r")
        #expect(throws: DatastoreError.self) { try path("{run}/{datasetType}_{visit}", component) }
    }

    @Test func awkwardRunNamesBecomeUsableFileNames() throws {
        let ref = try TestData.ref("cfg", [], [:], run: "u/a b#c%d:e/é/k.l")
        #expect(try path(Self.fallback, ref) == "u/a_b#c%d_e/é/k.l/cfg/cfg_u_a_bHASHc%d_e_é_k_l")
    }

    // MARK: Rules of the language

    @Test func theFirstKnownAlternativeCounts() throws {
        let ref = try TestData.ref("d", ["detector"], ["instrument": "Cam", "detector": 7], expanded: false)
        #expect(try path("{run}/{visit|detector:05d}_{instrument}", ref) == "u_r/00007_Cam")
        #expect(throws: DatastoreError.self) { try path("{run}/{visit|exposure}_{detector}_{instrument}", ref) }
    }

    @Test func aMissingOptionalFieldTakesItsLiteralAlongUnlessThatHoldsASlash() throws {
        let ref = try TestData.ref("d", ["detector"], ["instrument": "Cam", "detector": 7], expanded: false)
        #expect(try path("{run}/a{visit:?}b_{tract:?}c/{band:?}d{detector}_{instrument}", ref) == "u_r/ac/d7_Cam")
        #expect(try path("{run}/{{x_{visit:?}{{y{detector}_{instrument}", ref) == "u_r/{{y7_Cam")
    }

    @Test func attributesNeedAnExpandedDataID() throws {
        let plain = try TestData.ref("d", ["detector"], ["instrument": "Cam", "detector": 7], expanded: false)
        let full = try TestData.ref(
            "d", ["detector"], ["instrument": "Cam", "detector": 7],
            attributes: ["detector.full_name": .string("R1/S2")])
        #expect(throws: DatastoreError.self) { try path("{run}/{detector.full_name:?}", plain) }
        #expect(try path("{run}/{detector.full_name}", full) == "u_r/R1_S2")
        #expect(try path("{run}/{detector.full_name:/}", full) == "u_r/R1/S2")
        #expect(try path("{run}/{detector.raft}_{detector.nothing:?}", full) == "u_r/None")
    }

    @Test(arguments: [
        "{datasetType}/{detector}", "{run}/{datasetType}", "{run}/../{detector}", "{run}/{collection}_{detector}",
        "{id}/{detector}", "{run}/{id:?}", "{run}/{a.b.c}", "{run}/{detector", "{run}/}{detector}", "{run}/{de{tector}",
        "{run}/{detector!", "{run}/{detector!r", "{run}/{detector!rs}", "{run}/{detector:{}", "", "plain",
    ])
    func anUnusableTemplateIsRefusedWhenLoaded(_ template: String) {
        #expect {
            try FileTemplate(template)
        } throws: { error in
            guard case DatastoreError.invalidTemplate(template, let reason) = error else { return false }
            return !reason.isEmpty
        }
    }

    @Test func aTemplateMustTellTheDataIDsOfItsDatasetTypeApart() throws {
        let ref = try TestData.ref("d", ["detector"], ["instrument": "Cam", "detector": 7])
        let pixel = try TestData.ref("p", ["htm7"], ["htm7": 1])
        for text in [
            "{run}/{detector}", "{run}/{detector}_{instrument}_{visit}", "{run}/{component}_{detector}_{instrument}",
        ] {
            let template = try FileTemplate(text)
            #expect(throws: DatastoreError.self) { try template.validate(for: ref.datasetType) }
            #expect(throws: DatastoreError.self) { try template.validate(for: ref.datasetType, byIdentifier: true) }
        }
        let identified = try FileTemplate("{run}/{component:?}_{id}")
        #expect(throws: DatastoreError.self) { try identified.validate(for: ref.datasetType) }
        try identified.validate(for: ref.datasetType, byIdentifier: true)
        try FileTemplate("{run}/{detector:?}_{instrument.class_name}").validate(for: ref.datasetType)
        try FileTemplate("{run}/{skypix}").validate(for: pixel.datasetType)
        try FileTemplate("{run}/{htm7}").validate(for: pixel.datasetType)
    }

    @Test func formatsAreThoseOfPython() throws {
        let values: [(FormatValue, String, String)] = [
            (.int(42), "08d", "00000042"), (.int(-42), "08d", "-0000042"), (.int(255), "#x", "0xff"),
            (.int(1_234_567), ",", "1,234,567"), (.int(1234), "010,", "00,001,234"), (.int(65), "c", "A"),
            (.int(7), "*^9", "****7****"), (.int(5), ".2f", "5.00"), (.int(42), "=+8", "+     42"),
            (.float(1.0), "", "1.0"), (.float(1e22), "", "1e+22"), (.float(1e16), "", "1e+16"),
            (.float(1e15), "", "1000000000000000.0"), (.float(1e-5), "", "1e-05"), (.float(0.0001), "", "0.0001"),
            (.float(.leastNonzeroMagnitude), "", "5e-324"), (.float(-0.0), "z.1f", "0.0"),
            (.float(123.456), ".3", "1.23e+02"),
            (.float(12.0), ".3", "12.0"), (.float(0.5), ".1%", "50.0%"), (.float(.nan), "", "nan"),
            (.float(-.infinity), "", "-inf"), (.float(.infinity), "E", "INF"), (.float(.nan), "08.1f", "00000nan"),
            (.float(1234.5), "012,.2f", "0,001,234.50"), (.bool(true), "", "True"), (.bool(true), "3d", "  1"),
            (.string("ab"), ">5", "   ab"), (.string("abc"), ".2s", "ab"), (.string("ab"), "05", "ab000"),
        ]
        for (value, specification, expected) in values {
            #expect(try value.formatted(specification) == expected, "\(value) \(specification)")
        }
        #expect(try FormatValue.string("it's\t\u{200b}é").converted("r") == #""it's\t\u200bé""#)
        #expect(try FormatValue.string("é").converted("a") == #"'\xe9'"#)
        #expect(throws: FormatProblem.self) { try FormatValue.none.formatted("5") }
        #expect(throws: FormatProblem.self) { try FormatValue.int(1).formatted("99999999999999999999d") }
        #expect(throws: FormatProblem.self) { try FormatValue.int(0xD800).formatted("c") }
    }

    // MARK: Hostile input

    @Test(arguments: ["..", "../../etc", "a/../../b", "/../x", "..//..", "\u{0}", "."])
    func noRunNameLeadsOutOfTheRoot(_ run: String) throws {
        let ref = try TestData.ref("cfg", ["detector"], ["instrument": "..", "detector": 46], run: run)
        for text in [
            "{run:/}/{detector}", "{run:/}/{instrument:/}/{instrument:/}/{detector}",
            "{run:/}/{detector:c}{detector:c}",
            "{run:/}/{instrument:/}", "{detector:c}{detector:c}/{run:/}",
        ] {
            guard let path = try? FileTemplate(text).path(for: ref) else { continue }
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            #expect(!path.isEmpty && !parts.contains("..") && !parts.contains("."), "\(text): \(path)")
        }
    }

    @Test func randomTemplatesAndValuesNeverTrap() throws {
        var generator = SeededGenerator(seed: 20_260_101)
        let pieces = [
            "{", "}", "{{", "}}", "run", "id", "detector", "detector.full_name", "visit.exposure_time", "instrument",
            ":", "!",
            "!r", "?", "/", "|", ".", "[", "]", "08d", ">", "^", "=", "#", ",", "_", "99999999999", ".5", "e", "g", "%",
            "..",
            "\u{0}", "é", "🔭", "\n", "component", "{run}", "{detector:", "{instrument:?", "}", "/",
        ]
        let ref = try TestData.ref(
            "cfg.wcs", ["visit", "detector"],
            [
                "instrument": "..", "detector": .int(.min), "visit": .int(.max), "band": "\u{0}",
                "physical_filter": "/",
                "day_obs": 0,
            ], run: "../{x}",
            attributes: ["visit.exposure_time": .float(.greatestFiniteMagnitude), "detector.full_name": .string("#.")])
        var loaded = 0
        let refs = [ref, try TestData.ref("cfg", ["visit", "detector"], ["instrument": "a b", "detector": 7, "visit": 3])]
        for number in 0..<20_000 {
            let ref = refs[number % 2]
            let text =
                "{run:/}/{detector:?}"
                + (0..<Int.random(in: 1...12, using: &generator))
                .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            guard let template = try? FileTemplate(text) else { continue }
            loaded += 1
            try? template.validate(for: ref.datasetType)
            let path = Result { () throws(DatastoreError) in try template.path(for: ref) }
            if case .success(let path) = path { #expect(!path.hasPrefix("../") && path != "..") }
            // What is looked up once for the type is what is looked up for each dataset.
            let unbound = BoundTemplate(unbound: template, ref.datasetType)
            #expect(path == Result { () throws(DatastoreError) in try unbound.path(for: ref) }, "\(text)")
        }
        #expect(loaded > 500)
    }
}
