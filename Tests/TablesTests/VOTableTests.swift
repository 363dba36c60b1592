import Testing

@testable import Tables

@Suite struct VOTableTests {
    private func document(_ fields: String, _ rows: String) -> [UInt8] {
        Array("<?xml version='1.0'?>\n<VOTABLE><RESOURCE><TABLE>\(fields)<DATA>\(rows)</DATA></TABLE></RESOURCE></VOTABLE>".utf8)
    }

    @Test func cellsAreTextsNumbersAndNulls() throws {
        let bytes = document(
            """
            <FIELD name="file" datatype="char" arraysize="*"/>
            <v:FIELD name="2 be" datatype="short"><VALUES null="-1"/><DESCRIPTION>what &lt;it&gt; is</DESCRIPTION></v:FIELD>
            <FIELD ID="x" name="y" datatype="double" unit="deg" arraysize="2"/>
            """.replacing("v:", with: ""),
            """
            <TABLEDATA><TR><TD>a &amp; b<![CDATA[<c>]]></TD><TD> 0x10 </TD><TD>1.5 NaN</TD></TR>
            <!-- none --><TR><TD/><TD>-1</TD></TR></TABLEDATA>
            """)
        let table = try VOTableReader.table(bytes)
        #expect(table.rowCount == 2 && table.columnNames == ["file", "_2_be", "x"])
        guard case .string(let texts) = table.columns[0].values, case .int16(let numbers) = table.columns[1].values,
            case .double(let pairs) = table.columns[2].values
        else {
            Issue.record("types are \(table.columns.map(\.type))")
            return
        }
        #expect(texts.text(0) == "a & b<c>" && texts.text(1) == "")
        #expect(numbers[0] == 16 && table.columns[1].isNull(1) && !table.columns[1].isNull(0))
        #expect(table.columns[1].description == "what <it> is")
        #expect(pairs[0] == 1.5 && pairs[1].isNaN && table.columns[2].isNull(2) && table.columns[2].shape == [2])
        #expect(table.columns[2].unit == "deg")
    }

    @Test func binaryRowsHaveMasks() throws {
        // A row: mask, "ab", 258; and one whose number is not there.
        let bytes = document(
            #"<FIELD name="t" datatype="char" arraysize="*"/><FIELD name="n" datatype="int"/>"#,
            #"<BINARY2><STREAM encoding="base64">AAAAAAJhYgAAAQJAAAAAAAAAAAA=</STREAM></BINARY2>"#)
        let table = try VOTableReader.table(bytes)
        #expect(table.rowCount == 2)
        guard case .string(let texts) = table.columns[0].values, case .int32(let numbers) = table.columns[1].values else {
            Issue.record("types are \(table.columns.map(\.type))")
            return
        }
        #expect(texts.text(0) == "ab" && numbers[0] == 258 && table.columns[1].isNull(1))
    }

    @Test func recognitionNeedsTheElement() {
        #expect(VOTableReader.recognizes(document("", "")))
        #expect(!VOTableReader.recognizes(Array("file,detector\n<VOTABLE>".utf8)))
        #expect(!VOTableReader.recognizes([UInt8]()))
    }
}
