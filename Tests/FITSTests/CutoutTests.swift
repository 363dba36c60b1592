import FITS
import Testing

@Suite struct CutoutTests {
    /// Twenty rows and thirty columns; the pixel at (x, y) of the parent image is x + 1000 y.
    static func sample(recipe: WriteRecipe = .lossless) throws -> FITSFile {
        let (rows, columns, origin) = (20, 30, PixelOrigin(x: 100, y: 200))
        var image: [Float] = []
        for y in 0..<rows { for x in 0..<columns { image.append(Float(origin.x + x + 1000 * (origin.y + y))) } }
        return try MaskedImage(
            rows: rows, columns: columns, image: image, mask: image.map { Int32($0) }, variance: image, origin: origin,
            planeHeader: FITSHeader([
                FITSCard("CTYPE1", .string("RA---TAN")), FITSCard("CRPIX1", .float(12.5)),
                FITSCard("CRPIX2", .float(3)),
            ])
        ).file(recipe: recipe)
    }

    @Test(arguments: [PixelFrame.parent, .local])
    func aCutoutHoldsTheSamePixels(frame: PixelFrame) throws {
        let whole = try FITSFile(bytes: Self.sample().bytes())
        #expect(whole.imageBox == PixelBox(x: 100..<130, y: 200..<220))
        let box = frame == .parent ? PixelBox(x: 105..<108, y: 210..<212) : PixelBox(x: 5..<8, y: 10..<12)
        let cut = try whole.cutout(box, in: frame)
        let image = try MaskedImage(FITSFile(bytes: cut.bytes()))
        #expect(image.image == [210105, 210106, 210107, 211105, 211106, 211107])
        #expect(image.mask == image.image.map { Int32($0) } && image.variance == image.image)
        #expect(image.origin == PixelOrigin(x: 105, y: 210))
        #expect(cut.imageBox == PixelBox(x: 105..<108, y: 210..<212))
        // The reference pixel of the sky coordinates has moved with the pixels.
        let header = try cut.hdu(named: "VARIANCE").header
        #expect(header.double("CRPIX1") == 7.5 && header.double("CRPIX2") == -7)
        #expect(header.double("LTV1") == -105 && header.double("CRVAL2A") == 210)
    }

    @Test func boxesOutsideOfTheImageAreRefused() throws {
        let file = try Self.sample()
        for box in [
            PixelBox(x: 99..<101, y: 200..<201), PixelBox(x: 100..<131, y: 200..<201),
            PixelBox(x: 100..<100, y: 200..<201), PixelBox(x: 0..<5, y: 0..<5),
        ] {
            #expect(throws: FITSError.self) { try file.cutout(box) }
        }
        #expect(throws: FITSError.self) {
            try FITSFile(hdus: [.image(FITSImageHDU())]).cutout(PixelBox(x: 0..<1, y: 0..<1))
        }
    }

    @Test func imagesWithoutKeywordsBeginAtZero() throws {
        let image = try FITSImage(shape: [2, 3], pixels: .uint16([1, 2, 3, 4, 5, 60000]))
        let cut = try FITSFile(hdus: [.image(FITSImageHDU(image: image))]).cutout(PixelBox(x: 1..<3, y: 1..<2))
        #expect(cut.hdus[0].image?.pixels == .uint16([5, 60000]))
        #expect(cut.imageBox == PixelBox(x: 1..<3, y: 1..<2))
    }

    @Test func aMaskedImageComesApartAndTogether() throws {
        let original = try MaskedImage(try Self.sample())
        let planes = try original.planes()
        let files = try [planes.image, planes.mask, planes.variance].map {
            try FITSFile(bytes: $0.file(recipe: .lossless).bytes())
        }
        // Compressed images stand behind an empty primary HDU.
        #expect(files.allSatisfy { $0.hdus.count == 2 && $0.hdus[0].image == nil })
        #expect(try MaskedImage(image: files[0], mask: files[1], variance: files[2]) == original)
    }

    @Test func anExposureKeepsWhatFollowsThePlanes() throws {
        let table = FITSTableHDU(
            header: FITSHeader([FITSCard("EXTNAME", .string("ARCHIVE_INDEX"))]),
            table: try FITSTable(rowCount: 2, columns: [FITSColumn("id", .int32([7, 8]))]))
        let exposure = Exposure(try MaskedImage(try Self.sample()), extensions: [.table(table)])
        let read = try Exposure(FITSFile(bytes: exposure.file(recipe: .lossless).bytes()))
        #expect(read.maskedImage == exposure.maskedImage)
        #expect(read.extensions.map(\.name) == ["ARCHIVE_INDEX"])
        #expect(read.extensions[0].table?["id"]?.values == .int32([7, 8]))
    }

    @Test func oneImageIsPrimaryUnlessItIsCompressed() throws {
        let image = try FITSImage(shape: [2, 2], pixels: .float([1, 2, 3, 4]))
        #expect(try ImagePlane(image).file(recipe: .noCompression).hdus.count == 1)
        let file = try FITSFile(bytes: ImagePlane(image).file(recipe: .lossless).bytes())
        #expect(file.hdus.count == 2 && file.hdus[1].image == image)
    }

    @Test func aLossyImageWithoutMaskKeepsASixteenthOfItsNoise() throws {
        let noisy = try Samples.maskedImage(rows: 200, columns: 300)
        let image = try FITSImage(shape: [200, 300], pixels: .float(noisy.image))
        let file = try ImagePlane(image).file(recipe: .lossy16)
        guard case .image(let hdu) = file.hdus[1], case .step(let step)? = hdu.compression?.quantization?.scaling else {
            Issue.record("no quantisation")
            return
        }
        let read = try FITSFile(bytes: file.bytes())
        guard case .float(let pixels)? = read.hdus[1].image?.pixels else {
            Issue.record("no floats")
            return
        }
        #expect(zip(noisy.image, pixels).allSatisfy { $0.isNaN ? $1.isNaN : abs($0 - $1) <= step * 0.501 })
        // Integers stay exact under the same recipe.
        let counts = try FITSImage(shape: [1, 3], pixels: .int32([1, -5, 70000]))
        #expect(
            try FITSFile(bytes: ImagePlane(counts).file(recipe: .lossy16).bytes()).hdus[1].image == counts)
    }
}
