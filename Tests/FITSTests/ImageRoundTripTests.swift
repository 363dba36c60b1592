import FITS
import Testing

@Suite struct ImageRoundTripTests {
    @Test(arguments: Samples.pixels)
    func everyPixelTypeIsReadBackExactly(pixels: FITSPixels) throws {
        let image = try FITSImage(shape: [12, 40], pixels: pixels)
        let file = Samples.file(image)
        let read = try FITSFile(bytes: file.bytes())
        #expect(read == file)
        let primary = FITSFile(hdus: [.image(FITSImageHDU(image: image))])
        #expect(try FITSFile(bytes: primary.bytes()) == primary)
    }

    @Test(arguments: Samples.pixels, [FITSCompression.Algorithm.gzip1, .gzip2, .rice1])
    func losslessCompressionIsExactOrRefused(pixels: FITSPixels, algorithm: FITSCompression.Algorithm) throws {
        let image = try FITSImage(shape: [12, 40], pixels: pixels)
        let file = Samples.file(image, compression: FITSCompression(algorithm))
        let is64Bit = if case .int64 = pixels { true } else { false }
        if is64Bit || (pixels.isFloatingPoint && algorithm == .rice1) {
            #expect(throws: FITSError.self) { try file.bytes() }
        } else {
            #expect(try FITSFile(bytes: file.bytes()).hdu(named: "data").image == image)
        }
    }

    @Test func notANumberSurvivesLosslessStorage() throws {
        for compression in [nil, FITSCompression.lossless, FITSCompression(.gzip1)] {
            let image = try FITSImage(shape: [1, 4], pixels: .float([1, .nan, -.infinity, 0]))
            let bytes = try Samples.file(image, compression: compression).bytes()
            guard case .float(let read)? = try FITSFile(bytes: bytes).hdu(named: "DATA").image?.pixels else {
                Issue.record("no float image")
                return
            }
            #expect(read.map(\.bitPattern) == [Float(1), .nan, -.infinity, 0].map(\.bitPattern))
        }
    }

    @Test(arguments: FITSCompression.Dither.allCases, [FITSCompression.Algorithm.rice1, .gzip1, .gzip2])
    func quantisedPixelsStayWithinTheStep(
        dither: FITSCompression.Dither, algorithm: FITSCompression.Algorithm
    ) throws {
        var pixels = Samples.sky(rows: 50, columns: 70)
        pixels[3] = .nan
        pixels[100] = .infinity
        pixels[200] = 0
        let step: Float = 0.25
        let image = try FITSImage(shape: [50, 70], pixels: .float(pixels))
        let compression = FITSCompression(
            algorithm, quantization: .init(scaling: .step(step), dither: dither, seed: 17))
        let bytes = try Samples.file(image, compression: compression).bytes()
        guard case .float(let read)? = try FITSFile(bytes: bytes).hdu(named: "DATA").image?.pixels else {
            Issue.record("no float image")
            return
        }
        var largest: Float = 0
        for (original, stored) in zip(pixels, read) {
            #expect(original.isFinite == !stored.isNaN)
            if original.isFinite { largest = max(largest, abs(original - stored)) }
        }
        #expect(largest <= step * 0.501 && largest > step * 0.1)
        if dither == .subtractive2 { #expect(read[200] == 0) }
    }

    @Test func tileNoiseLevelControlsTheLossAndTheSize() throws {
        let pixels = Samples.sky(rows: 100, columns: 200)
        let image = try FITSImage(shape: [100, 200], pixels: .float(pixels))
        func size(_ level: Float) throws -> (Int, Float) {
            let compression = FITSCompression(.rice1, quantization: .init(scaling: .tileNoise(level: level)))
            let bytes = try Samples.file(image, compression: compression).bytes()
            guard case .float(let read)? = try FITSFile(bytes: bytes).hdu(named: "DATA").image?.pixels else {
                return (0, .infinity)
            }
            return (bytes.count, zip(pixels, read).map { abs($0 - $1) }.max() ?? 0)
        }
        let (coarse, coarseLoss) = try size(2)
        let (fine, fineLoss) = try size(16)
        #expect(coarse < fine && fine < pixels.count * 4)
        #expect(coarseLoss < 5 && fineLoss < coarseLoss && fineLoss > 0)
    }

    @Test func tilesAreOfTheAskedShape() throws {
        let pixels: [Int32] = (0..<(30 * 50)).map { Int32($0 % 97) }
        let image = try FITSImage(shape: [30, 50], pixels: .int32(pixels))
        let bytes = try Samples.file(image, compression: FITSCompression(.rice1, tileShape: [15, 25])).bytes()
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("ZTILE1  =                   25") && text.contains("ZTILE2  =                   15"))
        #expect(try FITSFile(bytes: bytes).hdu(named: "DATA").image == image)
        for tile in [[0, 5], [31, 50], [5], [1, 2, 3]] {
            #expect(throws: FITSError.self) {
                try Samples.file(image, compression: FITSCompression(.rice1, tileShape: tile)).bytes()
            }
        }
    }

    @Test func losslessAfterQuantisedAndTheReverseDoNotDisturbEachOther() throws {
        let pixels = Samples.sky(rows: 20, columns: 30)
        let image = try FITSImage(shape: [20, 30], pixels: .float(pixels))
        let quantised = FITSCompression(.rice1, quantization: .init(scaling: .step(0.5)))
        let settings: [FITSCompression?] = [.lossless, quantised, nil, .lossless, quantised, FITSCompression(.gzip1)]
        let hdus = settings.map { FITSHDU.image(FITSImageHDU(image: image, compression: $0)) }
        let read = try FITSFile(bytes: FITSFile(hdus: [.image(FITSImageHDU())] + hdus).bytes())
        for (setting, hdu) in zip(settings, read.hdus.dropFirst()) {
            guard case .float(let values)? = hdu.image?.pixels else {
                Issue.record("no float image")
                continue
            }
            let loss = zip(pixels, values).map { abs($0 - $1) }.max() ?? .infinity
            #expect(setting?.quantization == nil ? loss == 0 : loss > 0 && loss < 0.26)
        }
    }

    @Test(arguments: [[7], [2, 3, 4], [1, 1, 1, 1, 5], [0], [3, 0], [0, 3]])
    func imagesOfAnyNumberOfAxesKeepTheirShape(shape: [Int]) throws {
        let count = shape.reduce(1, *)
        let image = try FITSImage(shape: shape, pixels: .int16((0..<count).map { Int16($0) }))
        #expect(try FITSFile(bytes: Samples.file(image).bytes()).hdus[1].image == image)
    }

    @Test func shapesThatDoNotFitThePixelsAreRefused() {
        for shape in [[3], [], [-1, -2], [Int.max, 4], [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]] {
            #expect(throws: FITSError.shapeMismatch(shape: shape, pixels: 2)) {
                try FITSImage(shape: shape, pixels: .uint8([1, 2]))
            }
        }
    }

    @Test func compressedPrimaryHDUsAndBadSettingsAreRefusedInOneLine() throws {
        let image = try FITSImage(shape: [2, 2], pixels: .float([1, 2, 3, 4]))
        let bad: [FITSFile] = [
            FITSFile(hdus: [.image(FITSImageHDU(image: image, compression: .lossless))]),
            FITSFile(hdus: []),
            FITSFile(hdus: [.table(FITSTableHDU(table: try FITSTable(rowCount: 0, columns: [])))]),
            Samples.file(
                image, compression: FITSCompression(.rice1, quantization: .init(scaling: .step(1), seed: 0))),
            Samples.file(image, compression: FITSCompression(.rice1, quantization: .init(scaling: .step(-1)))),
            Samples.file(
                image, compression: FITSCompression(.rice1, quantization: .init(scaling: .tileNoise(level: .nan)))),
        ]
        for file in bad {
            let error = #expect(throws: FITSError.self) { try file.bytes() }
            #expect(error?.description.contains("\n") == false)
        }
    }

    @Test func checksumsAreWrittenToEveryHDU() throws {
        let image = try FITSImage(shape: [2, 2], pixels: .float([1, 2, 3, 4]))
        for compression in [nil, FITSCompression.lossless] {
            let text = String(decoding: try Samples.file(image, compression: compression).bytes(), as: UTF8.self)
            #expect(text.components(of: "DATASUM =") == 2 && text.components(of: "CHECKSUM=") == 2)
        }
    }

    @Test func filesAreReadAndWrittenByManyTasksAtOnce() async throws {
        let expected = try Samples.maskedImage()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    let bytes = try expected.file(recipe: .lossless).bytes()
                    #expect(throws: FITSError.self) { try FITSFile(bytes: Array(bytes.dropLast(3000))) }
                    return try MaskedImage(FITSFile(bytes: bytes)).mask == expected.mask
                }
            }
            for try await same in group { #expect(same) }
        }
    }
}

extension String {
    func components(of part: String) -> Int { ranges(of: part).count }
}
