import ByteText
import Testing

@testable import Datastore

/// Which run a file could be of, by its path.
@Suite struct RunsOfPathsTests {
    private let names = RunNames(["run/a", "run/ab", "u/x", "deep", "with space"])

    private func runs(_ template: String, _ path: String) throws -> Set<ExactName> {
        try FileTemplate(template).runs(of: path, among: names)
    }

    @Test func usualTemplatesBeginWithTheRun() throws {
        let template = "{run:/}/{datasetType}.{component:?}/{visit:?}_{detector}_{run}"
        #expect(try runs(template, "run/a/count/x.yaml") == ["run/a"])
        #expect(try runs(template, "run/ab/count/x.yaml") == ["run/ab"])
        #expect(try runs(template, "deep/x") == ["deep"])
        #expect(try runs(template, "with_space/count/x.yaml") == ["with space"])
        for path in ["run/abc/x.yaml", "run/x.yaml", "tools/run/a/x.yaml", "run/a", "run/a/", "notes/deep/x"] {
            #expect(try runs(template, path) == [], "\(path)")
        }
    }

    @Test func theRunIsFoundBehindOtherFields() throws {
        let template = "data/{instrument}/{run:/}/{detector}"
        #expect(try runs(template, "data/Cam/run/a/7.yaml") == ["run/a"])
        #expect(try runs(template, "data/Cam/x/run/a/7.yaml") == [])
        #expect(try runs(template, "other/Cam/run/a/7.yaml") == [])
        #expect(try runs("{instrument:?}/{run:/}/{detector}", "run/a/7.yaml") == [])
        #expect(try runs("{instrument:?}/{run:/}/{detector}", "Cam/run/a/7.yaml") == ["run/a"])
    }

    @Test func slashesOfRunsMayBecomeUnderscores() throws {
        #expect(try runs("flat/{run}_{detector}", "flat/u_x_7.yaml") == ["u/x"])
        #expect(try runs("flat/{run}_{detector}", "flat/u/x_7.yaml") == [])
    }

    @Test func aTemplateWithoutRunOwnsNothing() throws {
        #expect(try runs("{datasetType}/{id}", "run/a/x.yaml") == [])
    }

    @Test func runsAreFoundInPathsThatOtherTemplatesMade() {
        #expect(names.mentioned(in: "count/run/a/7.yaml") == ["run/a"])
        #expect(names.mentioned(in: "count/7_run_ab.yaml") == ["run/ab"])
        #expect(names.mentioned(in: "deep/u/x/count_with_space.fits.gz") == ["deep", "u/x", "with space"])
        #expect(names.mentioned(in: "deep") == ["deep"])
        #expect(names.mentioned(in: "count/deeper/xrun_a/run/abc.yaml") == [])
    }

    @Test func runsAreToldApartByTheirBytes() throws {
        let (one, two) = ("run/\u{e9}", "run/e\u{301}")
        let both = RunNames([one, two])
        for run in [one, two] {
            #expect(try FileTemplate("{run:/}/{detector}").runs(of: run + "/7.yaml", among: both) == [ExactName(run)])
            #expect(both.mentioned(in: "count/\(run)/7.yaml") == [ExactName(run)])
        }
        #expect(try FileTemplate("{run:/}/{detector}").runs(of: two + "/7.yaml", among: RunNames([one])) == [])
    }

    @Test func namesOfFilesEndAtTheFirstDot() {
        #expect(FileDatastore.stem(of: "run/a.b/count_1.fits.gz") == "run/a.b/count_1")
        #expect(FileDatastore.stem(of: "run/a/count_1") == "run/a/count_1")
    }
}
