import StructuredData
import Testing

@testable import Tables

@Suite struct ECSVTests {
    private func line(_ body: String, _ datatype: String = "{name: a, datatype: int64}") -> String {
        "# %ECSV 1.0\n# ---\n# datatype:\n# - \(datatype)\n" + body
    }

    private func failure(_ text: String) -> String {
        do {
            _ = try Table(ecsv: text)
            return "read"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [ECSVDelimiter.blank, .comma])
    func everyTypeGoesThereAndBack(_ delimiter: ECSVDelimiter) throws {
        let table = try TableTests.sample()
        #expect(try Table(ecsv: table.ecsv(delimiter: delimiter)) == table)
        #expect(try Table(ecsv: table.withoutRows.ecsv(delimiter: delimiter)) == table.withoutRows)
    }

    @Test func textIsThatOfAstropy() throws {
        var table = try TableTests.sample()
        table = try table.selecting(["id", "mag", "name", "flag", "mat"])
        table.metadata["long"] = .string(String(repeating: "word ", count: 30))
        let text = String(decoding: try table.ecsv(), as: UTF8.self)
        #expect(
            text == #"""
                # %ECSV 1.0
                # ---
                # datatype:
                # - {name: id, datatype: int64}
                # - name: mag
                #   unit: mag
                #   datatype: float64
                #   format: '%.2f'
                #   description: 'AB: # of it'
                #   meta: !!omap
                #   - {ucd: phot.mag}
                # - {name: name, datatype: string}
                # - {name: flag, datatype: bool}
                # - {name: mat, datatype: string, subtype: 'int32[2,2]'}
                # meta: !!omap
                # - {z: 1}
                # - a:
                #     k: [1, 2.5, null, true]
                # - {long: 'word word word word word word word word word word word word word word word word word word word word word word word word word
                #     word word word word word '}
                # schema: astropy-2.0
                id mag name flag mat
                1 1.5 "a b" True [[0,1],[2,3]]
                9223372036854775807 nan "q""t" "" [[4,5],[6,7]]
                -9223372036854775808 "" é😀 True [[8,9],[10,11]]

                """#)
    }

    @Test func namesAndCellsThatNeedQuotesAreQuoted() throws {
        let texts = ["#x", " lead", "trail ", "a\nb", "c\r\nd", "\"", "a,b", "tab\tin", "'"]
        for delimiter in [ECSVDelimiter.blank, .comma] {
            let table = try Table([
                TableColumn(" a ", .strings(texts)), TableColumn("#b \"", .strings(texts.reversed())),
            ])
            #expect(try Table(ecsv: table.ecsv(delimiter: delimiter)) == table)
            let hash = try Table([TableColumn("#b", .strings(texts))])
            #expect(try Table(ecsv: hash.ecsv(delimiter: delimiter)) == hash)
        }
        let bytes = try Table([TableColumn("b", .bytes(VariableValues(["ab", "é"])))])
        #expect(try Table(ecsv: bytes.ecsv())["b"]?.values == .strings(["ab", "é"]))
        #expect(throws: TableError.self) {
            try Table([TableColumn("b", .bytes(VariableValues([[0xFF]] as [[UInt8]])))]).ecsv()
        }
        #expect(throws: TableError.self) {
            try Table([TableColumn("t", .timestamp([.max], TimestampType(.seconds)))]).ecsv()
        }
    }

    @Test func tagsAndWhatOtherwiseDoesNotFitStaysInTheMetadata() throws {
        let text = """
            # %ECSV 1.0
            # ---
            # datatype:
            # - {name: a, unit: m, datatype: float64}
            # - {name: v, datatype: string, subtype: 'int64[2,null]'}
            # - {name: o, datatype: string, subtype: json}
            # meta: !!omap
            # - __serialized_columns__:
            #     a:
            #       __class__: astropy.units.quantity.Quantity
            #       unit: !astropy.units.Unit {unit: m}
            #       value: !astropy.table.SerializedColumn {name: a}
            # - {big: 18446744073709551616}
            # - {t: !!timestamp '2020-01-01 00:00:00'}
            # - {c: !!python/complex '1+2j'}
            # - nested: !!omap
            #   - {z: 1}
            #   - {a: 2}
            # schema: astropy-2.0
            a v o
            1.0 [[1],[2]] "{""a"":1}"

            """
        let table = try Table(ecsv: text)
        #expect(table["v"]?.jsonType == "int64[2,null]" && table["v"]?.values == .strings(["[[1],[2]]"]))
        #expect(table.metadata["__serialized_columns__"]?["a"]?["unit"] == ["!astropy.units.Unit": ["unit": "m"]])
        let again = String(decoding: try table.ecsv(), as: UTF8.self)
        // The order of a nested mapping does not matter to astropy, which reads both as dictionaries.
        #expect(
            again == text.replacing("# - nested: !!omap\n#   - {z: 1}\n#   - {a: 2}\n", with: "# - nested: {a: 2, z: 1}\n"))
    }

    @Test func formsOfOtherWritersAreRead() throws {
        let old = "# %ECSV 0.9\r\n# ---\r\n# datatype:\r\n# - {name: a, unit: !astropy.units.Unit {unit: km}, datatype: float16}\r\n"
            + "a\r\n\r\n# a remark\r\n  1.5  \r\n\"2\"\r\n.5\r\n-Infinity\r\nNaN\r\n"
        let table = try Table(ecsv: old)
        #expect(try table == Table([TableColumn("a", .float([1.5, 2, 0.5, -.infinity, .nan]), unit: "km")]))
        let comma = line("a,b\n1, x y \n,\"\"\n2,", "{name: a, datatype: int64}\n# - {name: b, datatype: string}\n# delimiter: ','")
        #expect(
            try Table(ecsv: comma)
                == Table([
                    TableColumn("a", .int64([1, 0, 2]), validity: [true, false, true]),
                    TableColumn("b", .strings(["x y", "", ""]), validity: [true, false, false]),
                ]))
        let lists = line(
            "a\n\"[1, null]\"\n\"\"\n\"[ 3,4 ]\"\n", "{name: a, datatype: string, subtype: 'int8[2]'}")
        #expect(
            try Table(ecsv: lists)
                == Table([
                    TableColumn(
                        "a", .int8([1, 0, 0, 0, 3, 4]), validity: [true, false, false, false, true, true], shape: [2])
                ]))
        #expect(try Table(ecsv: line("a\n2020-01-01\nNaT\n", "{name: a, datatype: 'datetime64[s]'}"))["a"]?.nullCount == 1)
        #expect(try Table(ecsv: "# %ECSV 1.0\n# ---\n# datatype: []\n# schema: astropy-2.0\n").columns.isEmpty)
    }

    @Test func badTextIsOneErrorWithItsLine() {
        #expect(failure("") == "not a usable ECSV table, line 1: it does not begin with a line '# %ECSV 1.0'")
        #expect(failure("a b\n1 2\n").contains("line 1: it does not begin"))
        #expect(failure("# %ECSV 1.0\n# - [\na\n").contains("line 2: in the header"))
        #expect(failure("# %ECSV 1.0\n# x: 1\na\n").contains("no mapping with a list 'datatype'"))
        #expect(failure(line("b\n")) == #"not a usable ECSV table, line 5: the row of names is ["b"] where the header has ["a"]"#)
        #expect(failure(line("a\n1\n2 3\n")).contains("line 7: the row has 2 cells for 1 columns"))
        #expect(failure(line("a\n1.5\n")) == "not a usable ECSV table, line 6: column 'a': '1.5' is no int64")
        #expect(failure(line("a\n9223372036854775808\n")).contains("line 6"))
        #expect(failure(line("a\n\"1\n2\n")).contains("line 6: the quotes that open here are never closed"))
        #expect(failure(line("a\n", "{name: a, datatype: complex128}")).contains("type complex128"))
        #expect(failure(line("a\n", "{name: a, datatype: float64, subtype: 'int8[2]'}")).contains("not of type string"))
        #expect(failure(line("a\n[1,2]\n", "{name: a, datatype: string, subtype: 'int8[3]'}")).contains("fewer than 3 items"))
        #expect(failure(line("a\n[1,2,3]\n", "{name: a, datatype: string, subtype: 'int8[2]'}")).contains("does not end"))
        #expect(failure(line("a\n[300]\n", "{name: a, datatype: string, subtype: 'int8[1]'}")).contains("'300'"))
        #expect(failure(line("a\n", "{name: a, datatype: int64}\n# delimiter: ';'")).contains("neither blank nor comma"))
        #expect(failure(line("a a\n", "{name: a, datatype: int64}\n# - {name: a, datatype: int64}")).contains("two columns"))
        let deep = String(repeating: "1,", count: 100_000) + "1"
        #expect(failure(line("a\n", "{name: a, datatype: string, subtype: 'int8[\(deep)]'}")).contains("unusable"))
        let bomb = (1..<30).map { "# a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
        #expect(failure("# %ECSV 1.0\n# ---\n# a0: &a0 [x]\n\(bomb)# datatype: *a29\na\n").contains("line 2"))
    }

    @Test func randomBytesAndMutationsNeverCrash() async throws {
        let seeds = [try TableTests.sample().ecsv(), try TableTests.sample().ecsv(delimiter: .comma)]
        let small = Array(line("a\n1\n\"2\"\n[3]\n").utf8)
        let body = Array("\"\"[[1,2],[3,null]] ,,\n\r#x NaT 1e5 -3 True nan".utf8)
        var random = SeededGenerator(seed: 5)
        var accepted = 0
        let headerLength = seeds[0].count / 2
        for round in 0..<fuzzCount(default: 30_000) {
            if round % 256 == 0 { await Task.yield() }
            var input = round % 50 == 0 ? seeds[round / 50 % 2] : small
            let from = round % 4 == 0 ? 0 : round % 50 == 0 ? headerLength : small.count - 12
            for _ in 0...(random.next() % 4) {
                let place = from + Int(random.next() % UInt64(input.count - from))
                let byte = round % 3 == 0 ? UInt8(truncatingIfNeeded: random.next()) : body[Int(random.next() % UInt64(body.count))]
                if random.next() % 2 == 0 { input[place] = byte } else { input.insert(byte, at: place) }
            }
            guard let table = try? Table(ecsv: input) else { continue }
            accepted += 1
            if round % 64 == 0 { #expect(try Table(ecsv: table.ecsv()) == table) }
        }
        #expect(accepted > 0)
    }
}
