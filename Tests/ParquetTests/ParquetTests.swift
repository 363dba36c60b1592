import StructuredData
import Tables
import Testing

@testable import Parquet

@Suite(.enabled(if: ParquetFile.isAvailable, "this build has no Apache Arrow; see scripts/arrow.sh"))
struct ParquetTests {
    static func sample() throws -> Table {
        var name = try TableColumn("name", .strings(["a b", "", "é😀"]), validity: [true, false, true])
        name.width = 7
        var magnitude = try TableColumn("mag", .double([1.5, .nan, 0]), unit: "mag", description: "AB")
        magnitude.format = "%.2f"
        let columns = [
            try TableColumn("i8", .int8([1, .max, .min])), try TableColumn("i16", .int16([1, .max, .min])),
            try TableColumn("i32", .int32([1, .max, .min])), try TableColumn("i64", .int64([1, .max, .min])),
            try TableColumn("u8", .uint8([0, 1, .max])), try TableColumn("u16", .uint16([0, 1, .max])),
            try TableColumn("u32", .uint32([0, 1, .max])), try TableColumn("u64", .uint64([0, 1, .max])),
            try TableColumn("f", .float([0.1, .infinity, -0.0]), validity: [true, true, false]), magnitude, name,
            try TableColumn("raw", .bytes(VariableValues([[0xFF], [], [0, 1]] as [[UInt8]]))),
            try TableColumn("flag", .bool([true, false, true]), validity: [false, true, true]),
            try TableColumn("mat", .int32(Array(0..<18)), shape: [2, 3]),
            try TableColumn(
                "vec", .float([1, 2, 3, 4, 5, 6]), validity: [true, false, true, true, false, false], shape: [2]),
            try TableColumn("us", .timestamp([0, -1, 1_600_000_000_123_456], TimestampType(.microseconds))),
            try TableColumn("ns", .timestamp([0, .max, 1], TimestampType(.nanoseconds, zone: "UTC"))),
        ]
        return try Table(columns, metadata: ["z": 1, "a": ["k": [1, 2.5, nil, true]]])
    }

    /// What is left of a table when widths are set aside.
    private func read(_ bytes: [UInt8], _ columns: [String]? = nil) throws -> Table {
        try ParquetFile(bytes: bytes).read(columns: columns)
    }

    @Test func everyTypeGoesThereAndBackForAstropyAndArrow() throws {
        let table = try Self.sample()
        #expect(try read(table.parquet(style: .astropy)) == table)
        #expect(try read(table.parquet(style: .arrow)) == table)
        #expect(try read(table.withoutRows.parquet(style: .astropy)) == table.withoutRows)
        #expect(try read(table.parquet(style: .astropy))["name"]?.width == 7)
    }

    @Test func theMetadataAreThoseOfTheStyle() throws {
        let table = try Self.sample()
        func keys(_ style: ParquetStyle) -> [String] { ParquetMetadata.written(table, style).keys }
        let lengths = ["lsst::arrow::len::name", "table::len::name", "lsst::arrow::len::raw", "table::len::raw"]
        #expect(keys(.numpy) == ["lsst::arrow::rowcount"] + lengths + ["lsst::arrow::shape::mat"])
        #expect(keys(.astropy) == keys(.numpy) + ["table_meta_yaml"])
        #expect(ParquetMetadata.written(table, .astropy)["lsst::arrow::shape::mat"] == "(2, 3)")
        #expect(try read(table.parquet(style: .numpy)).metadata.isEmpty)
        #expect(try read(table.parquet(style: .numpy))["mag"]?.unit == nil)
        let plain = try Table([TableColumn("a", .int8([1])), TableColumn("s", .strings(["x"]))])
        #expect(ParquetMetadata.written(plain, .arrow).isEmpty)
        var other = plain
        other.schemaMetadata = ["mine": "x", "raw": .bytes([0xFF])]
        #expect(try read(other.parquet(style: .arrow)) == other)
    }

    @Test func columnsRowsAndTheSchemaAreReadByThemselves() throws {
        let table = try Self.sample()
        let bytes = try table.parquet(style: .astropy)
        #expect(try read(bytes, ["u*", "name"]) == table.selecting(["u*", "name"]))
        #expect(throws: TableError.self) { try read(bytes, ["NAME"]) }
        let file = try ParquetFile(bytes: bytes)
        #expect(file.rowCount == 3 && file.columnNames == table.columnNames)
        #expect(try file.schema() == table.withoutRows)
        #expect(try file.read(limit: 2)["i8"]?.values == .int8([1, .max]))
        #expect(try file.read(limit: 2)["mat"]?.values == .int32(Array(0..<12)))
        #expect(try file.read(limit: 0).rowCount == 0)
        #expect(try file.head(rows: 9) == table && file.unsupportedColumns.isEmpty)
        #expect(try file.head(rows: 1).columns.allSatisfy { $0.rowCount == 1 })
        let schema = try ParquetFile(bytes: try table.parquet(style: .arrow, schemaOnly: true))
        #expect(try schema.rowCount == 0 && schema.schema() == table.withoutRows)
        let none = try Table([], rowCount: 0)
        #expect(try read(none.parquet(style: .numpy)) == none)
    }

    @Test func rowGroupsHoldABillionBytes() throws {
        let wide = try Table([
            TableColumn("a", .int64([])), TableColumn("b", .bool([])), TableColumn("s", .strings([])),
            TableColumn("v", .float([]), shape: [4]), TableColumn("__index_level_0__", .int64([])),
        ])
        // (64 + 1 + 80 + 128) bits make 34 bytes.
        #expect(wide.rowGroupSize(.arrow) == 1_000_000_000 / 34)
        #expect(try Table([TableColumn("b", .bool([]))]).rowGroupSize(.arrow) == 1_000_000_000)
        let giant = try Table([TableColumn("v", .double([]), shape: [200_000_000])])
        #expect(giant.rowGroupSize(.arrow) == 1)
        // Rows of 500 MB are never made; rows of 2 cells in many groups are the same thing.
        let many = try Table([TableColumn("s", .strings((0..<5).map(String.init)))])
        var sized = many
        sized = try Table([{ var column = many.columns[0]; column.width = 400_000_000; return column }()])
        #expect(sized.rowGroupSize(.numpy) == 2)
        #expect(try read(sized.parquet(style: .numpy)) == many)
        // Reading some rows crosses row groups.
        #expect(try ParquetFile(bytes: sized.parquet(style: .numpy)).read(limit: 3)["s"]?.values == .strings(["0", "1", "2"]))
    }

    @Test func namesOfSeveralLevelsAndIndexesGoThereAndBack() throws {
        let names = [["g", "flux"], ["g", "it's"], ["r", "a\"b'\\\n"]].map(PandasLayout.columnName)
        #expect(names == ["('g', 'flux')", #"('g', "it's")"#, #"('r', 'a"b\'\\\n')"#])
        #expect(names.map { PandasLayout.levels(of: $0)?.count } == [2, 2, 2])
        #expect(PandasLayout.levels(of: names[2]) == ["r", "a\"b'\\\n"])
        for bad in ["", "g", "(g)", "('g'", "('g' 'h')", "('g', 'h') ", "('\\x1')"] {
            #expect(PandasLayout.levels(of: bad) == nil, "\(bad)")
        }
        var table = try Table(names.map { name throws in try TableColumn(name, .int8([1])) })
        try table.setPandasLayout(PandasLayout(levelNames: ["band", "column"]))
        #expect(try read(table.parquet(style: .pandas)) == table)
        #expect(PandasLayout(table)?.levelNames == ["band", "column"])
        var indexed = try Table([TableColumn("id", .int64([5])), TableColumn("x", .double([1])), TableColumn("y", .int8([2]))])
        #expect(throws: TableError.self) { try indexed.setPandasLayout(PandasLayout(indexColumns: ["no"])) }
        try indexed.setPandasLayout(PandasLayout(indexColumns: ["id"]))
        // pandas needs its index with every selection.
        #expect(try read(indexed.parquet(style: .pandas), ["y"]).columnNames == ["y", "id"])
    }

    @Test func damagedFilesAreOneError() throws {
        let bytes = try Self.sample().parquet(style: .astropy)
        for length in [0, 3, 8, bytes.count / 2, bytes.count - 1] {
            #expect(throws: TableError.self) { try read(Array(bytes.prefix(length))) }
        }
        #expect(throws: TableError.self) { try ParquetFile(contentsOf: "/nonexistent/table.parq") }
        let strange = try Table([TableColumn("e", .int8([]), shape: [0])], rowCount: 2)
        #expect(throws: TableError.self) { try strange.parquet(style: .numpy) }
    }

    @Test func mutatedFilesNeverCrash() async throws {
        let bytes = try Self.sample().parquet(style: .astropy)
        var state: UInt64 = 9
        var accepted = 0
        for round in 0..<2_000 {
            if round % 256 == 0 { await Task.yield() }
            var damaged = bytes
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                damaged[Int((state >> 33) % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: state >> 56)
            }
            if (try? read(damaged)) != nil { accepted += 1 }
        }
        #expect(accepted > 0)
    }
}

@Suite(.enabled(if: !ParquetFile.isAvailable, "this build has Apache Arrow"))
struct WithoutParquetTests {
    @Test func theErrorSaysHowToGetIt() throws {
        let missing = #expect(throws: TableError.self) { try ParquetFile(contentsOf: "x.parq") }
        guard case .withoutParquet(let problem)? = missing else {
            Issue.record("\(String(describing: missing))")
            return
        }
        #expect(throws: TableError.withoutParquet(problem: problem)) { try Table([]).parquet(style: .arrow) }
        let text = "\(TableError.withoutParquet(problem: problem))"
        #expect(text.contains(problem == nil ? "STEWARD_ARROW" : "swift build --product StewardArrow"))
    }
}
