import FITS
import Testing

@Suite struct TableTests {
    @Test func columnsOfEveryTypeAreReadBackExactly() throws {
        let columns = [
            FITSColumn("flag", .bool([true, false, true])), FITSColumn("i8", .int8([-128, 0, 127])),
            FITSColumn("u8", .uint8([0, 1, 255])), FITSColumn("i16", .int16([.min, 0, .max])),
            FITSColumn("u16", .uint16([0, 1, .max])), FITSColumn("i32", .int32([.min, 0, .max]), unit: "pix"),
            FITSColumn("u32", .uint32([0, 1, .max])), FITSColumn("i64", .int64([.min, 0, .max])),
            FITSColumn("u64", .uint64([0, 1, .max])), FITSColumn("f", .float([.infinity, 0.1, -3]), unit: "adu"),
            FITSColumn("d", .double([1e300, 0.1, -.infinity])),
            FITSColumn("name", .string(["", "abc", "twelve chars"], width: 12)),
            FITSColumn("pair", .float([1, 2, 3, 4, 5, 6]), elementsPerRow: 2),
            FITSColumn("words", .string(["a", "bc", "d", "", "ef", "g"], width: 2), elementsPerRow: 2),
        ]
        let table = try FITSTable(rowCount: 3, columns: columns)
        let header = FITSHeader([FITSCard("EXTNAME", .string("CATALOG")), FITSCard("TABVER", .int(2))])
        let file = FITSFile(hdus: [.image(FITSImageHDU()), .table(FITSTableHDU(header: header, table: table))])
        let read = try FITSFile(bytes: file.bytes())
        for (expected, column) in zip(columns, read.hdus[1].table?.columns ?? []) { #expect(column == expected) }
        #expect(read == file)
        #expect(try read.hdu(named: "catalog").table?["NAME"]?.values.count == 3)
    }

    @Test func emptyTablesAndManyRowsWork() throws {
        for rows in [0, 1, 50_000] {
            let table = try FITSTable(
                rowCount: rows,
                columns: [
                    FITSColumn("id", .int64((0..<rows).map { Int64($0) })),
                    FITSColumn("s", .string((0..<rows).map { "r\($0)" }, width: 6)),
                ])
            let file = FITSFile(hdus: [.image(FITSImageHDU()), .table(FITSTableHDU(table: table))])
            #expect(try FITSFile(bytes: file.bytes()) == file)
        }
        let none = FITSFile(hdus: [
            .image(FITSImageHDU()), .table(FITSTableHDU(table: try FITSTable(rowCount: 0, columns: []))),
        ])
        #expect(try FITSFile(bytes: none.bytes()) == none)
    }

    @Test func whatATableCannotHoldIsRefused() throws {
        #expect(throws: FITSError.self) { try FITSTable(rowCount: 2, columns: [FITSColumn("x", .int32([1]))]) }
        for column in [
            FITSColumn("x", .string(["too long"], width: 3)), FITSColumn("x", .string(["é"], width: 3)),
            FITSColumn("é", .int16([1])), FITSColumn("x", .unsupported(format: "1PE(4)")),
        ] {
            let table = try FITSTable(rowCount: 1, columns: [column])
            #expect(throws: FITSError.self) {
                try FITSFile(hdus: [.image(FITSImageHDU()), .table(FITSTableHDU(table: table))]).bytes()
            }
        }
    }
}
