import TableRendering
import Testing

@Suite struct TextTableTests {
    // Expected texts are what astropy 8.0 prints for the same cells with `pprint_all`.

    @Test func namesAreCentredOverDashesAndCellsAlignLeft() {
        var table = TextTable(columns: ["Name", "Type"], alignment: .left)
        table.append(["imported_g", "RUN"])
        table.append(["HSC/calib", "CALIBRATION"])
        #expect(
            table.lines() == [
                "   Name        Type   ",
                "---------- -----------",
                "imported_g RUN        ",
                "HSC/calib  CALIBRATION",
            ])
    }

    @Test func cellsAlignRightByDefault() {
        var table = TextTable(columns: ["instrument", "id"])
        table.append(["Cam1", "1"])
        table.append(["HSC", "100"])
        #expect(
            table.lines() == [
                "instrument  id",
                "---------- ---",
                "      Cam1   1",
                "       HSC 100",
            ])
    }

    @Test func columnsAreAtLeastThreeWide() {
        var table = TextTable(columns: ["a"])
        table.append(["b"])
        #expect(table.lines() == [" a ", "---", "  b"])
    }

    @Test func oddSpacesOfCentredNamesGoWherePythonPutsThem() {
        var table = TextTable(columns: ["ab", "abc"])
        table.append(["12345", "123456"])
        #expect(table.lines()[0] == "  ab   abc  ")
    }

    @Test func tabsAndNewlinesAreShownAsEscapes() {
        var table = TextTable(columns: ["text"], alignment: .left)
        table.append(["a\tb\nc"])
        #expect(table.lines()[2] == "a\\tb\\nc")
    }

    @Test func aNewlineAfterACarriageReturnIsEscapedToo() {
        var table = TextTable(columns: ["x"], alignment: .left)
        table.append(["a\r\nb"])
        #expect(table.lines()[2] == "a\r\\nb")
    }

    @Test func widthsCountScalarsRatherThanCharacters() {
        var table = TextTable(columns: ["x"])
        table.append(["e\u{301}"])
        table.append(["[…, ∞)"])
        #expect(table.lines()[1] == "------")
        #expect(table.lines()[2] == "    e\u{301}")
    }

    @Test func aRemovedColumnTakesItsCellsAlong() {
        var table = TextTable(columns: ["Name", "Type", "Children"], alignment: .left)
        table.append(["a", "RUN", ""])
        table.removeColumn("Children")
        table.removeColumn("Parents")
        #expect(table.columns == ["Name", "Type"])
        #expect(table.rows == [["a", "RUN"]])
    }

    @Test func aTableWithoutRowsHasItsHeader() {
        let table = TextTable(columns: ["name"])
        #expect(table.isEmpty)
        #expect(table.lines() == ["name", "----"])
    }
}
