import AstroTime
import ButlerModel
import FITS
import StructuredData
import Testing

@testable import Datastore

@Suite struct ReadRequestTests {
    static func maskedImage() throws -> MaskedImage {
        try MaskedImage(
            rows: 4, columns: 6, image: (0..<24).map { Float($0) }, mask: (0..<24).map { Int32($0 % 3) },
            variance: Array(repeating: 2, count: 24), origin: PixelOrigin(x: 10, y: 20),
            metadata: FITSHeader([FITSCard("OBSERVER", .string("Vera"))]))
    }

    static let apart = "datastore: {composites: {disassembled: {apart: true}}}"

    private func get<Value: ReadableDataset>(
        _ type: Value.Type, _ ref: DatasetRef, _ request: ReadRequest = ReadRequest(), in repository: TestRepository
    ) async throws -> Value {
        try await repository.datastore.read(ref, from: try await repository.stored(ref.id), request)
            .converted(to: type, dataset: ref.description)
    }

    // MARK: Images

    @Test(arguments: ["whole", "apart"])
    func aMaskedImageIsReadAsWhatItIs(_ name: String) async throws {
        let repository = try await TestRepository(Self.apart)
        let ref = try FileDatastoreTests.detectorRef(name, storageClass: "MaskedImageF")
        let image = try Self.maskedImage()
        try await repository.put(.image(image), ref)
        #expect(repository.artifacts.count == (name == "apart" ? 3 : 1))
        let read = try await get(MaskedImage.self, ref, in: repository)
        #expect(read.image == image.image && read.mask == image.mask && read.variance == image.variance)
        #expect(read.origin == image.origin && read.metadata.string("OBSERVER") == "Vera")
        let cut = ReadRequest(parameters: ReadParameters(bbox: PixelBox(x: 11..<13, y: 21..<22)))
        #expect(try await get(MaskedImage.self, ref, cut, in: repository).image == [7, 8])
        #expect(try await get(FITSFile.self, ref, cut, in: repository).imageBox == cut.parameters.bbox)

        var component = ReadRequest(component: "mask")
        #expect(try await get(FITSImage.self, ref, component, in: repository).pixels == .int32(image.mask))
        component.parameters = ReadParameters(bbox: PixelBox(x: 0..<1, y: 0..<2), origin: .local)
        #expect(try await get(FITSImage.self, ref, component, in: repository).pixels == .int32([0, 0]))
    }

    @Test(arguments: ["whole", "apart"])
    func whatFollowsFromThePixelsIsDerived(_ name: String) async throws {
        let repository = try await TestRepository(Self.apart)
        let ref = try FileDatastoreTests.detectorRef(name, storageClass: "ExposureF")
        try await repository.put(.image(Exposure(try Self.maskedImage())), ref)
        let box = try await get(PixelBox.self, ref, ReadRequest(component: "bbox"), in: repository)
        #expect(box == PixelBox(x: 10..<16, y: 20..<24))
        #expect(try await get([Int].self, ref, ReadRequest(component: "dimensions"), in: repository) == [6, 4])
        #expect(try await get([Int].self, ref, ReadRequest(component: "xy0"), in: repository) == [10, 20])
        // Only Python can read this out of afw's tables; of a composite that was taken apart it is not there.
        await #expect {
            try await get(DatasetValue.self, ref, ReadRequest(component: "psf"), in: repository)
        } throws: { error in
            switch error {
            case DatastoreError.underivable(_, "psf", let maker): name == "whole" && maker.contains("ExposureAssembler")
            case DatastoreError.noComponent(_, "psf", let known): name == "apart" && known.count == 3
            default: false
            }
        }
        await #expect(throws: DatastoreError.self) {
            try await get(DatasetValue.self, ref, ReadRequest(component: "nothing"), in: repository)
        }
    }

    @Test func metadataOfAWholeExposureIsAMapping() async throws {
        let repository = try await TestRepository()
        let ref = try FileDatastoreTests.detectorRef(storageClass: "ExposureF")
        try await repository.put(.image(Exposure(try Self.maskedImage())), ref)
        let metadata = try await get(StructuredMapping.self, ref, ReadRequest(component: "metadata"), in: repository)
        #expect(metadata["OBSERVER"] == "Vera")
    }

    @Test func anExposureWithArchiveTablesIsNotTakenApart() async throws {
        let repository = try await TestRepository(Self.apart)
        let ref = try FileDatastoreTests.detectorRef("apart", storageClass: "ExposureF")
        let table = FITSTableHDU(table: try FITSTable(rowCount: 1, columns: [FITSColumn("id", .int32([7]))]))
        let exposure = Exposure(try Self.maskedImage(), extensions: [.table(table)])
        await #expect(throws: DatastoreError.self) { try await repository.put(.image(exposure), ref) }
        #expect(repository.artifacts.isEmpty)
    }

    @Test func parametersMustBeThoseOfTheStorageClass() async throws {
        let repository = try await TestRepository()
        let ref = try FileDatastoreTests.detectorRef()
        try await repository.put(.structured(["a": 1]), ref)
        let cut = ReadRequest(parameters: ReadParameters(bbox: PixelBox(x: 0..<1, y: 0..<1)))
        await #expect {
            try await get(DatasetValue.self, ref, cut, in: repository)
        } throws: { error in
            guard case DatastoreError.unusableParameter(_, "bbox", _) = error else { return false }
            return true
        }
        let image = try FileDatastoreTests.detectorRef("i", storageClass: "ImageF", detector: 8)
        try await repository.put(
            .image(ImagePlane(try FITSImage(shape: [1, 1], pixels: .float([1])))), image)
        let outside = ReadRequest(parameters: ReadParameters(bbox: PixelBox(x: 0..<2, y: 0..<1)))
        await #expect(throws: DatastoreError.self) { try await get(FITSImage.self, image, outside, in: repository) }
    }

    // MARK: Types

    @Test func valuesAreReadAsTypesOfTheirKind() async throws {
        let repository = try await TestRepository()
        let cases: [(String, StructuredValue)] = [
            ("StructuredDataDict", ["a": 1, "b": 2]), ("int", 17), ("Timespan", [5, 9]), ("Packages", ["x": "1.0"]),
        ]
        var refs: [DatasetRef] = []
        for (index, (storageClass, value)) in cases.enumerated() {
            refs.append(
                try FileDatastoreTests.detectorRef("t\(index)", storageClass: storageClass, detector: Int64(index)))
            try await repository.put(.structured(value), refs[index])
        }
        #expect(try await get([String: Int].self, refs[0], in: repository) == ["a": 1, "b": 2])
        #expect(try await get(StructuredMapping.self, refs[0], in: repository) == ["a": 1, "b": 2])
        #expect(try await get(Int.self, refs[1], in: repository) == 17)
        #expect(try await get(Double.self, refs[1], in: repository) == 17)
        #expect(try await get(Timespan.self, refs[2], in: repository) == Timespan(storedNanoseconds: 5, 9))
        #expect(try await get([String: String].self, refs[3], in: repository) == ["x": "1.0"])
        await #expect(
            throws: DatastoreError.wrongType(dataset: refs[1].description, expected: "a mapping", found: "an integer")
        ) {
            try await get(StructuredMapping.self, refs[1], in: repository)
        }
        await #expect(throws: DatastoreError.self) { try await get(FITSImage.self, refs[0], in: repository) }
        await #expect(throws: DatastoreError.self) { try await get([Int].self, refs[0], in: repository) }
    }

    @Test func aStorageClassMustConvertFromTheRecordedOne() async throws {
        let repository = try await TestRepository()
        let ref = try FileDatastoreTests.detectorRef(storageClass: "TaskMetadata")
        try await repository.put(.structured(["a": 1]), ref)
        let value = try await get(
            StructuredMapping.self, ref, ReadRequest(storageClass: "StructuredDataDict"), in: repository)
        #expect(value == ["a": 1])
        for wanted in ["int", "ExposureF", "NoSuchClass"] {
            await #expect(throws: (any Error).self) {
                try await get(DatasetValue.self, ref, ReadRequest(storageClass: wanted), in: repository)
            }
        }
    }
}
