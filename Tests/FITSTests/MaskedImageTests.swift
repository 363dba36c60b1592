import FITS
import Testing

@Suite struct MaskedImageTests {
    @Test(arguments: ["noCompression", "lossless", "default"])
    func losslessRecipesKeepEverything(recipe: String) throws {
        let original = try Samples.maskedImage()
        let recipe = try #require(WriteRecipe.named(recipe))
        let read = try MaskedImage(FITSFile(bytes: original.file(recipe: recipe).bytes()))
        #expect(read.image.map(\.bitPattern) == original.image.map(\.bitPattern))
        #expect(read.mask == original.mask && read.variance == original.variance)
        #expect(read.maskPlanes == original.maskPlanes && read.origin == original.origin)
        #expect(read.metadata == original.metadata && read.planeHeader == original.planeHeader)
    }

    @Test func lossyRecipeKeepsTheMaskAndASixteenthOfTheNoise() throws {
        let original = try Samples.maskedImage(rows: 200, columns: 300)
        let file = try original.file(recipe: .lossy16)
        let bytes = try file.bytes()
        #expect(bytes.count < 200 * 300 * 12 / 2)
        let read = try MaskedImage(FITSFile(bytes: bytes))
        #expect(read.mask == original.mask)
        let step = try #require(try file.hdu(named: "IMAGE").header.double("UZSCALE"))
        #expect(abs(step - 5.07 / 16) < 0.02)
        for (before, after) in zip(original.image, read.image) {
            #expect(before.isNaN ? after.isNaN : Double(abs(before - after)) <= step * 0.501)
        }
    }

    @Test func planesAreNamedAsTheObservatoryNamesThem() throws {
        let file = try Samples.maskedImage().file()
        #expect(file.hdus.map(\.name) == [nil, "IMAGE", "MASK", "VARIANCE"])
        let mask = try file.hdu(named: "MASK").header
        #expect(mask.string("EXTTYPE") == "MASK" && mask.bool("INHERIT") == true)
        #expect(mask.int("MP_BAD") == 0 && mask.int("MP_NO_DATA") == 8 && mask.int("MP_CROSSTALK") == 31)
        #expect(mask.double("CRVAL1A") == 1000 && mask.double("LTV2") == 20)
    }

    @Test func planesWithoutNoiseAreKeptExactly() throws {
        let constant = try MaskedImage(
            rows: 10, columns: 10, image: Array(repeating: 3.25, count: 100), mask: Array(repeating: 256, count: 100),
            variance: Array(repeating: .nan, count: 100))
        let read = try MaskedImage(FITSFile(bytes: constant.file(recipe: .lossy16).bytes()))
        #expect(read.image == constant.image)
        #expect(read.variance.allSatisfy { $0.isNaN })
    }

    @Test func imagesWithoutPixelsCanBeStored() throws {
        let empty = try MaskedImage(rows: 0, columns: 0, image: [], mask: [], variance: [])
        #expect(try MaskedImage(FITSFile(bytes: empty.file(recipe: .lossy16).bytes())) == empty)
    }

    @Test func incompleteOrInconsistentFilesAreRefused() throws {
        let file = try Samples.maskedImage().file()
        #expect(throws: FITSError.missingHDU(name: "VARIANCE", present: ["IMAGE", "MASK"])) {
            try MaskedImage(FITSFile(hdus: Array(file.hdus.dropLast())))
        }
        var wrong = file
        wrong.hdus[3] = .image(
            FITSImageHDU(header: file.hdus[3].header, image: try FITSImage(shape: [1, 1], pixels: .float([1]))))
        #expect(throws: FITSError.self) { try MaskedImage(wrong) }
        #expect(throws: FITSError.self) {
            try MaskedImage(rows: 1, columns: 2, image: [1], mask: [0, 0], variance: [1, 1])
        }
        #expect(throws: FITSError.self) {
            try MaskedImage(rows: 1, columns: 1, image: [1], mask: [0], variance: [1], maskPlanes: ["X": 32])
        }
    }
}
