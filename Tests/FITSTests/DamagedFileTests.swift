import FITS
import Foundation
import TestSupport
import Testing

@Suite struct DamagedFileTests {
    /// Files of all the kinds that the reader knows, small.
    private static func specimens() throws -> [[UInt8]] {
        var files: [[UInt8]] = []
        for pixels in Samples.pixels {
            let image = try FITSImage(shape: [12, 40], pixels: pixels)
            files.append(try Samples.file(image).bytes())
        }
        let noisy = try FITSImage(shape: [20, 32], pixels: .float(Samples.sky(rows: 20, columns: 32)))
        let whole = try FITSImage(shape: [20, 32], pixels: .int16((0..<640).map { Int16($0 % 50) }))
        for algorithm in FITSCompression.Algorithm.allCases {
            files.append(try Samples.file(whole, compression: FITSCompression(algorithm)).bytes())
            let quantised = FITSCompression(
                algorithm, quantization: .init(scaling: .step(0.5), dither: .subtractive2), tileShape: [5, 32])
            files.append(try Samples.file(noisy, compression: quantised).bytes())
        }
        files.append(try Samples.maskedImage(rows: 8, columns: 9).file(recipe: .lossy16).bytes())
        let table = try FITSTable(
            rowCount: 5,
            columns: [
                FITSColumn("a", .int32([1, 2, 3, 4, 5])),
                FITSColumn("s", .string(["a", "b", "c", "d", "e"], width: 7)),
                FITSColumn("x", .double(Array(repeating: 1.5, count: 10)), elementsPerRow: 2),
                FITSColumn("f", .bool([true, false, true, false, true])),
            ])
        files.append(try FITSFile(hdus: [.image(FITSImageHDU()), .table(FITSTableHDU(table: table))]).bytes())
        return files
    }

    /// Reading either works or throws one line; the limit keeps memory small.
    private func attempt(_ bytes: [UInt8]) {
        do throws(FITSError) {
            _ = try FITSFile(bytes: bytes, name: "mutant.fits", limits: FITSLimits(maximumHDUBytes: 1 << 24))
        } catch {
            #expect(!error.description.contains("\n"))
        }
    }

    /// The environment variable `STEWARD_FITS_FUZZ_SECONDS` asks for a longer run with a seed of its own, or
    /// that of `STEWARD_FITS_FUZZ_SEED`.
    @Test func mutatedFilesNeverTrap() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["STEWARD_FITS_FUZZ_SECONDS"].flatMap { Int($0) }
        let seed =
            environment["STEWARD_FITS_FUZZ_SEED"].flatMap { UInt64($0) }
            ?? (seconds == nil ? 20_250_101 : UInt64.random(in: 1 ... .max))
        var random = SeededGenerator(seed: seed)
        if seconds != nil { print("fuzzing with seed \(seed)") }
        let clock = ContinuousClock()
        let start = clock.now
        var tried = 0
        let files = try Self.specimens()
        let digits = Array("0123456789-'TF &EI".utf8)
        while seconds != nil || tried < 4000, clock.now - start < .seconds(seconds ?? 30) {
            if tried % 64 == 0 { await Task.yield() }
            var bytes = files[tried % files.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                // A digit in the value field of a card: sizes and types change.
                case 2, 3:
                    let card = place / 80 * 80
                    bytes[min(card + Int.random(in: 9..<31, using: &random), bytes.count - 1)] =
                        digits.randomElement(using: &random) ?? 32
                case 4: bytes.removeLast(Int.random(in: 0..<min(bytes.count - 1, 6000), using: &random))
                default:
                    let length = min(Int.random(in: 1..<200, using: &random), bytes.count - place)
                    let source = Int.random(in: 0...(bytes.count - length), using: &random)
                    let piece = Array(bytes[source..<(source + length)])
                    bytes.replaceSubrange(place..<(place + length), with: piece)
                }
            }
            attempt(bytes)
            tried += 1
        }
        if seconds == nil { #expect(tried >= 1000) } else { print("tried \(tried) files") }
    }

    @Test func truncationAnywhereIsReported() throws {
        let bytes = try Samples.maskedImage(rows: 8, columns: 9).file(recipe: .lossless).bytes()
        for length in stride(from: 0, to: bytes.count - 2880, by: 997) where length % 2880 != 0 {
            let error = #expect(throws: FITSError.self) {
                try FITSFile(bytes: Array(bytes.prefix(length)), name: "x.fits")
            }
            #expect(error?.description.contains("x.fits") == true)
        }
    }

    /// A primary header of these cards without data.
    private func header(_ cards: [String]) -> [UInt8] {
        let text = (cards + ["END"]).map { $0 + String(repeating: " ", count: 80 - $0.utf8.count) }.joined()
        return Array(text.utf8) + Array(repeating: 32, count: (2880 - text.utf8.count % 2880) % 2880)
    }

    private func card(_ keyword: String, _ value: String) -> String {
        keyword + String(repeating: " ", count: 8 - keyword.utf8.count) + "= "
            + String(repeating: " ", count: max(0, 20 - value.utf8.count)) + value
    }

    @Test(arguments: [
        ("2", ["2147483647", "2147483647"]), ("1", ["9223372036854775807"]), ("2", ["9223372036854775807", "2"]),
        ("1", ["-5"]), ("1", ["99999999999999999999"]), ("3", ["5", "5"]), ("-1", []), ("1000", []), ("x", []),
        ("1", ["1000000"]),
    ])
    func hugeOrSenselessAxesAreRefusedBeforeAllocation(count: String, axes: [String]) {
        let cards =
            [card("SIMPLE", "T"), card("BITPIX", "-64"), card("NAXIS", count)]
            + axes.enumerated().map { card("NAXIS\($0.offset + 1)", $0.element) }
        let error = #expect(throws: FITSError.self) { try FITSFile(bytes: header(cards), name: "bomb.fits") }
        #expect(error?.description.contains("bomb.fits") == true)
    }

    @Test func hugeCompressedImagesAreRefusedBeforeAllocation() {
        func bomb(_ changes: [String: String]) -> [UInt8] {
            let values = [
                ("XTENSION", "'BINTABLE'"), ("BITPIX", "8"), ("NAXIS", "2"), ("NAXIS1", "8"), ("NAXIS2", "1"),
                ("PCOUNT", "0"), ("GCOUNT", "1"), ("TFIELDS", "1"), ("TTYPE1", "'COMPRESSED_DATA'"),
                ("TFORM1", "'1PB(10)'"), ("ZIMAGE", "T"), ("ZCMPTYPE", "'RICE_1'"), ("ZBITPIX", "16"), ("ZNAXIS", "2"),
                ("ZNAXIS1", "10"), ("ZNAXIS2", "1"), ("ZTILE1", "10"), ("ZTILE2", "1"), ("ZNAME1", "'BLOCKSIZE'"),
                ("ZVAL1", "32"),
            ]
            return header([card("SIMPLE", "T"), card("BITPIX", "8"), card("NAXIS", "0")])
                + header(values.map { card($0.0, changes[$0.0] ?? $0.1) }) + Array(repeating: 0, count: 2880)
        }
        for changes in [
            ["ZNAXIS1": "2000000000", "ZNAXIS2": "2000000000"], ["ZNAXIS1": "9223372036854775807"], ["ZTILE1": "0"],
            ["ZTILE2": "-1"], ["ZTILE1": "2147483647", "ZTILE2": "2147483647"], ["ZNAXIS2": "100"], ["ZNAXIS": "7"],
            ["ZVAL1": "0"], ["ZVAL1": "-32"], ["ZVAL1": "x"], ["ZNAME1": "'OTHER'", "ZVAL1": "0"], ["ZBITPIX": "7"],
            ["ZCMPTYPE": "'HCOMPRESS_1'"], ["NAXIS2": "2000000000"],
            ["PCOUNT": "9000000000000"], ["GCOUNT": "2"], ["TFIELDS": "5000"], ["TFIELDS": "0"], ["TTYPE1": "'OTHER'"],
            ["TFORM1": "'1B'"],
        ] {
            #expect(throws: FITSError.self, "\(changes)") { try FITSFile(bytes: bomb(changes)) }
        }
    }

    @Test(arguments: [1, 5, 9, 20])
    func gzipTilesThatEndTooEarlyAreRefused(missing: Int) throws {
        let pixels = Samples.sky(rows: 4, columns: 100)
        let image = try FITSImage(shape: [4, 100], pixels: .float(pixels))
        var bytes = try Samples.file(image, compression: .lossless).bytes()
        // The first row of the table begins with the length of the first tile, 32 bits with the highest byte first.
        let start = bytes.count - 2880 * ((bytes.count / 2880) - 1)
        let table = try #require((1..<(bytes.count / 2880)).map { $0 * 2880 }.first { $0 > start && bytes[$0] == 0 })
        let length = bytes[table..<(table + 4)].reduce(0) { $0 << 8 | Int($1) }
        #expect(length > 100 && length < 2000)
        for (place, byte) in withUnsafeBytes(of: UInt32(length - missing).bigEndian, Array.init).enumerated() {
            bytes[table + place] = byte
        }
        let error = #expect(throws: FITSError.self) { try FITSFile(bytes: bytes, name: "short.fits") }
        #expect(error?.description.contains("gzip") == true && error?.description.contains("short.fits") == true)
    }

    @Test func otherFilesAreCalledNotFITS() {
        for bytes in [[], Array("hello".utf8), Array(repeating: UInt8(0), count: 10_000)] as [[UInt8]] {
            let error = #expect(throws: FITSError.self) { try FITSFile(bytes: bytes, name: "x") }
            guard case .notFITS? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        #expect(throws: FITSError.self) { try FITSFile(bytes: [0x1f, 0x8b, 8, 0]) }
    }

    @Test func limitsBoundTheMemory() throws {
        let image = try FITSImage(shape: [100, 100], pixels: .uint8(Array(repeating: 1, count: 10_000)))
        for compression in [nil, FITSCompression.lossless] {
            let bytes = try Samples.file(image, compression: compression).bytes()
            let error = #expect(throws: FITSError.self) {
                try FITSFile(bytes: bytes, limits: FITSLimits(maximumHDUBytes: 10_000))
            }
            guard case .tooLarge? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(throws: FITSError.self) { try FITSFile(bytes: bytes, limits: FITSLimits(maximumHDUs: 1)) }
        }
    }
}
