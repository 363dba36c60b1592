import ButlerModel
import ButlerServer
import FITS
import Foundation
import HummingbirdTesting
import Parquet
import StructuredData
import Tables
import Testing

@testable import ButlerServer

@Suite struct PreviewRouteTests {
    @Test func documentsAreShownAsValues() async throws {
        try await withServer { client in
            let json = try await client.get("ui/preview/\(FixtureRepository.whole)").json()
            #expect(json["kind"] == "document")
            #expect(json["value"] == ["gain": 1.5])
            let yaml = try await client.get("ui/preview/\(FixtureRepository.parts)?component=left").json()
            #expect(yaml["format"] == "YAML")
            #expect(yaml["value"] == ["side": "left"])
        }
    }

    @Test func whatCannotBeShownIsSaid() async throws {
        try await withServer { client in
            let zipped = try await client.get("ui/preview/\(FixtureRepository.member)").json()
            #expect(zipped["kind"] == "none")
            let remote = try await client.get("ui/preview/\(FixtureRepository.remote)").json()
            #expect(remote["remark"]?.stringValue?.isEmpty == false)
            #expect(try await client.get("ui/preview/\(FixtureRepository.unknown)").status == 404)
            #expect(try await client.get("ui/preview/\(FixtureRepository.whole)?hdu=x").status == 422)
        }
    }

    @Test func membersOfAZipFileAreListedAndShown() async throws {
        try await withServer { client in
            let path = "ui/preview/\(FixtureRepository.archive)"
            let list = try await client.get(path).json()
            #expect(list["kind"] == "archive" && list["name"] == "c.zip" && list["member_count"] == 3)
            let members: StructuredValue = [
                ["name": "a.json", "size": 26], ["name": "notes.txt", "size": 12], ["name": "sub/b.yaml", "size": 12],
            ]
            #expect(list["members"] == members)
            let json = try await client.get(path + "?member=a.json").json()
            #expect(json["kind"] == "document" && json["member"] == "a.json" && json["size"] == 26)
            #expect(json["value"] == ["gain": 9_007_199_254_740_993] && json["members"] == members)
            #expect(try await client.get(path + "?member=sub/b.yaml").json()["value"] == ["side": "inner"])
            #expect(try await client.get(path + "?member=notes.txt").json()["text"] == "plain words\n")
            for missing in ["none", "sub/", "../secret.txt", ""] {
                #expect(try await client.get(path + "?member=\(missing)").status == 404)
            }
            #expect(try await client.get("ui/preview/\(FixtureRepository.whole)?member=a").status == 404)
        }
    }

    /// What else is in the archive may be hidden from the user.
    @Test func aDatasetInAZipFileIsThatMemberOnly() async throws {
        try await withServer { client in
            let path = "ui/preview/\(FixtureRepository.inside)"
            let shown = try await client.get(path).json()
            #expect(shown["value"] == ["gain": 9_007_199_254_740_993])
            #expect(shown["member"] == "a.json" && shown["members"] == nil)
            let other = try await client.get(path + "?member=sub/b.yaml")
            #expect(other.status == 404 && !other.text.contains("inner"))
            let broken = try await client.get("ui/preview/\(FixtureRepository.member)").json()
            #expect(broken["kind"] == "none" && broken["remark"]?.stringValue?.contains("'b.zip'") == true)
        }
    }

    @Test func imagesAreAveragedOverBlocks() throws {
        let image = try FITSImage(shape: [2, 5], pixels: .float([0, 2, 4, .nan, 9, 0, 2, 4, .nan, .infinity]))
        let reduced = try #require(ImageReduction(image, longestSide: 3))
        #expect(reduced.block == 2)
        #expect((reduced.columns, reduced.rows) == (3, 1))
        #expect(reduced.values == [1, 4, 9])
        #expect(reduced.quantiles([0, 0.5, 1]) == [1, 4, 9])
        #expect(reduced.bytes.prefix(4) == [0, 0, 0x80, 0x3F])
        let blank = try #require(ImageReduction(try FITSImage(shape: [1, 1], pixels: .double([.nan]))))
        #expect(blank.quantiles([0.5]).isEmpty)
        #expect(ImageReduction(try FITSImage(shape: [0, 4], pixels: .int16([]))) == nil)
    }

    @Test func aFITSFileShowsItsFirstImageOrTheHDUAskedFor() throws {
        let image = try FITSImage(shape: [2, 3], pixels: .int16([1, 2, 3, 4, 5, 6]))
        let table = try FITSTable(
            rowCount: 3, columns: [FITSColumn("flux", .double([1, .nan, 3]), unit: "Jy"), FITSColumn("id", .int64([7, 8, 9]))])
        let bytes = try FITSFile(hdus: [
            .image(FITSImageHDU()),
            .table(FITSTableHDU(header: FITSHeader([FITSCard("EXTNAME", .string("CAT"))]), table: table)),
            .image(FITSImageHDU(header: FITSHeader([FITSCard("BUNIT", .string("adu"))]), image: image)),
        ]).bytes()
        let first = try FITSPreview.document(bytes, hdu: nil, rows: 10)
        #expect(first["kind"] == "image")
        #expect(first["hdu"] == 2)
        #expect(first["unit"] == "adu")
        #expect((first["width"], first["height"]) == (3, 2))
        #expect(first["values"]?.bytesValue?.count == 24)
        #expect(first["hdus"]?.arrayValue?.map { $0["kind"] } == ["header", "table", "image"])
        let head = try FITSPreview.document(bytes, hdu: 1, rows: 2)
        #expect(head["kind"] == "table")
        #expect(head["row_count"] == 3)
        #expect(head["rows"] == [[1.0, "7"], [.null, "8"]])
        #expect(throws: FITSError.self) { try FITSPreview.document(bytes, hdu: 3, rows: 1) }
    }

    @Test func headsOfTextTablesHaveUnits() {
        let text = """
            # %ECSV 1.0
            # ---
            # datatype:
            # - {name: ra, unit: deg, datatype: float64}
            # - {name: what, datatype: string}
            ra what
            1.5 "a ""quoted"" name"
            2.5 b
            """
        let whole = TextTablePreview.document(text, format: "ECSV", isWhole: true, rows: 10)
        #expect(whole["columns"] == [["name": "ra", "unit": "deg"], ["name": "what", "unit": ""]])
        #expect(whole["rows"] == [["1.5", "a \"quoted\" name"], ["2.5", "b"]])
        #expect(whole["row_count"] == 2)
        let head = TextTablePreview.document(text, format: "ECSV", isWhole: false, rows: 10)
        #expect(head["rows"]?.arrayValue?.count == 1)
        #expect(head["row_count"] == nil)
    }

    @Test(.enabled(if: ParquetFile.isAvailable, "this build has no Apache Arrow"))
    func theFirstRowsOfParquetAreShown() throws {
        let table = try Table([
            TableColumn("id", .int64([1, .max]), unit: "deg"), TableColumn("x", .double([.nan, 2.5])),
            TableColumn("s", .strings(["a", ""]), validity: [true, false]),
            TableColumn("v", .float([1, 2, 3, 4]), shape: [2]),
            TableColumn("t", .timestamp([0, 1], TimestampType(.milliseconds))),
            TableColumn("b", .bytes(VariableValues(["ab", ""]))),
        ])
        let path = FileManager.default.temporaryDirectory.path + "/steward-preview-\(UUID()).parq"
        try Data(try table.parquet(style: .astropy)).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let whole = try ParquetPreview.document(path, rows: 10)
        #expect(whole["kind"] == "table" && whole["format"] == "Parquet" && whole["row_count"] == 2)
        #expect(whole["columns"]?.arrayValue?.first == ["name": "id", "unit": "deg"])
        #expect(
            whole["rows"] == [
                ["1", nil, "a", ["1.0", "2.0"], "1970-01-01T00:00:00.000", "2 bytes"],
                ["9223372036854775807", 2.5, nil, ["3.0", "4.0"], "1970-01-01T00:00:00.001", "0 bytes"],
            ])
        let head = try ParquetPreview.document(path, rows: 1)
        #expect(head["rows"]?.arrayValue?.count == 1 && head["row_count"] == 2)
        #expect(throws: TableError.self) { try ParquetPreview.document("/nonexistent.parq", rows: 1) }
    }
}
