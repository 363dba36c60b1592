import ButlerModel
import FITS
import Foundation
import StructuredData
import Testing

@testable import Datastore

@Suite struct WriteRecipeTests {
    static let formatter = "lsst.obs.base.formatters.fitsExposure.FitsExposureFormatter"

    static func repository(_ entry: String) async throws -> TestRepository {
        try await TestRepository(
            """
            datastore:
              formatters:
                ExposureF: \(entry)
            """)
    }

    private func noisy() throws -> MaskedImage {
        var generator = SystemRandomNumberGenerator()
        let pixels = (0..<10_000).map { _ in Float.random(in: -10...10, using: &generator) }
        return try MaskedImage(
            rows: 100, columns: 100, image: pixels, mask: Array(repeating: 0, count: 10_000),
            variance: pixels.map { abs($0) + 1 })
    }

    private func stored(_ entry: String) async throws -> (size: Int64, exact: Bool, close: Bool) {
        let repository = try await Self.repository(entry)
        let ref = try FileDatastoreTests.detectorRef(storageClass: "ExposureF")
        let image = try noisy()
        try await repository.put(.image(image), ref)
        let size = try #require(try await repository.stored(ref.id).first?.infos.first?.fileSize)
        let read = try await repository.get(ref).converted(to: MaskedImage.self, dataset: "it")
        return (
            size, read.image == image.image && read.mask == image.mask && read.variance == image.variance,
            zip(read.image, image.image).allSatisfy { abs($0 - $1) < 0.5 } && read.mask == image.mask
        )
    }

    @Test func recipesOfTheConfigurationDecideHowImagesAreStored() async throws {
        let plain = try await stored("{formatter: \(Self.formatter), parameters: {recipe: noCompression}}")
        let lossless = try await stored(Self.formatter)
        let lossy = try await stored("{formatter: \(Self.formatter), parameters: {recipe: lossy16}}")
        #expect(plain.exact && lossless.exact && !lossy.exact && lossy.close)
        #expect(plain.size >= 120_000)
        #expect(lossless.size < plain.size && lossy.size < lossless.size * 3 / 4)
    }

    @Test(arguments: ["{formatter: \(formatter), parameters: {recipee: lossy16}}"])
    func aMisspeltParameterIsAnError(_ entry: String) async throws {
        let repository = try await Self.repository(entry)
        let ref = try FileDatastoreTests.detectorRef(storageClass: "ExposureF")
        await #expect {
            try await repository.put(.image(try noisy()), ref)
        } throws: { "\($0)".contains("no parameter 'recipee'") && "\($0)".contains("recipe") }
        #expect(repository.artifacts.isEmpty)
    }

    /// Python's classes could not read them.
    @Test func imagesOfAnotherKindThanTheStorageClassAreRefused() async throws {
        let repository = try await TestRepository("datastore: {}")
        let masked = try noisy()
        let planes = try masked.planes()
        func plane(_ pixels: FITSPixels) throws -> ImagePlane { ImagePlane(try FITSImage(shape: [1, 2], pixels: pixels)) }
        let refused: [(any ImageContent, String)] = [
            (planes.mask, "ImageF"), (planes.image, "MaskX"), (planes.image, "ImageU"), (masked, "ExposureI"),
            (planes.image, "ExposureF"), (masked, "ImageF"), (try plane(.double([1, 2])), "ImageF"),
        ]
        for (number, (content, storageClass)) in refused.enumerated() {
            let ref = try FileDatastoreTests.detectorRef(
                "refused\(number)", storageClass: storageClass, detector: Int64(number))
            await #expect {
                try await repository.put(.image(content), ref)
            } throws: { "\($0)".contains(storageClass) }
        }
        #expect(repository.artifacts.isEmpty)
        let taken: [(any ImageContent, String)] = [
            (planes.mask, "MaskX"), (planes.image, "ImageF"), (planes.image, "Image"), (masked, "MaskedImageF"),
            (Exposure(masked), "ExposureF"), (masked, "Exposure"), (try plane(.uint16([1, 2])), "ImageU"),
        ]
        for (number, (content, storageClass)) in taken.enumerated() {
            try await repository.put(
                .image(content),
                try FileDatastoreTests.detectorRef(
                    "taken\(number)", storageClass: storageClass, detector: Int64(number)))
        }
        #expect(repository.artifacts.count == taken.count)
    }

    @Test(arguments: [
        "{formatter: FORMATTER, parameters: {recipe: nothing}}",
        "{formatter: FORMATTER, parameters: {recipe: odd}}",
        "{formatter: FORMATTER, parameters: {recipe: flat}}",
    ])
    func anUnusableRecipeIsAnError(_ entry: String) async throws {
        let repository = try await TestRepository(
            """
            datastore:
              formatters:
                write_recipes:
                  \(Self.formatter):
                    odd: {image: {algorithm: BZIP}}
                    flat: {image: {algorithm: RICE_1, quantization: {level: 0}}}
                ExposureF: \(entry.replacingOccurrences(of: "FORMATTER", with: Self.formatter))
            """)
        let ref = try FileDatastoreTests.detectorRef(storageClass: "ExposureF")
        await #expect {
            try await repository.put(.image(try noisy()), ref)
        } throws: { error in
            guard case DatastoreError.unwritable(_, Self.formatter, let reason) = error else { return false }
            return reason.contains("recipe")
        }
        #expect(repository.artifacts.isEmpty)
    }

    @Test func maskFilesTakeTheRecipeOfMasks() async throws {
        let repository = try await TestRepository()
        let ref = try FileDatastoreTests.detectorRef(storageClass: "MaskX")
        let mask = try FITSImage(shape: [100, 100], pixels: .int32(Array(repeating: 4, count: 10_000)))
        try await repository.put(.image(ImagePlane(mask)), ref)
        let size = try #require(try await repository.stored(ref.id).first?.infos.first?.fileSize)
        #expect(size < 20_000)
        #expect(try await repository.get(ref).converted(to: FITSImage.self, dataset: "it") == mask)
    }

    // MARK: Provenance

    @Test func filesOfTheObservatoryCarryTheirProvenance() async throws {
        let repository = try await TestRepository()
        let ref = try FileDatastoreTests.detectorRef(storageClass: "ExposureF")
        var provenance = DatasetProvenance(quantum: UUID(uuidString: "205dfca3-0000-4000-8000-000000000001"))
        let input = try FileDatastoreTests.detectorRef("input", detector: 3, run: "other/run with a long name")
        provenance.add(input)
        provenance.add(input)
        try provenance.add(["SEEING": 0.7, "note": "clear"], to: input.id)
        let staged = try await repository.datastore.stage(
            .image(try ReadRequestTests.maskedImage()), ref, provenance: provenance)
        try staged.publish()
        let path = repository.directory.path + "/" + (try #require(staged.files.first?.placement).target.description)
        let header = try FITSFile(contentsOf: path).hdus[0].header
        #expect(header.string("LSST BUTLER ID") == ref.id.description)
        #expect(header.string("LSST BUTLER RUN") == "u/r" && header.string("LSST BUTLER DATASETTYPE") == "d")
        #expect(header.int("LSST BUTLER DATAID DETECTOR") == 7)
        #expect(header.string("LSST BUTLER DATAID INSTRUMENT") == "Cam")
        #expect(header.string("LSST BUTLER QUANTUM") == "205dfca3-0000-4000-8000-000000000001")
        #expect(header.int("LSST BUTLER N_INPUTS") == 1)
        #expect(header.string("LSST BUTLER INPUT 0 RUN") == "other/run with a long name")
        #expect(header.string("OBSERVER") == "Vera")
        let read = try #require(try header.provenance())
        #expect(read.dataset == ref.id && read.provenance.quantum == provenance.quantum)
        #expect(read.provenance.inputs.map(\.id) == [input.id])
        #expect(read.provenance.inputs[0].extras["SEEING"] == 0.7)

        // Written again from what was read, there is one set of keywords.
        let again = try FileDatastoreTests.detectorRef("again", storageClass: "ExposureF", detector: 8)
        try await repository.put(.fits(try FITSFile(contentsOf: path)), again)
        let second = try await repository.get(again).converted(to: FITSHeader.self, dataset: "it")
        #expect(second.cards.filter { $0.keyword == "LSST BUTLER ID" }.count == 1)
        #expect(second.string("LSST BUTLER ID") == again.id.description)
        #expect(second.int("LSST BUTLER N_INPUTS") == 0 && second["LSST BUTLER QUANTUM"] == nil)
    }
}
