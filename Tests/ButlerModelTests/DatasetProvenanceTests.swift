import ButlerModel
import Foundation
import StructuredData
import Testing

@Suite struct DatasetProvenanceTests {
    static func id(_ low: UInt64) -> DatasetID {
        DatasetID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 | low)
    }

    static func sample() throws -> DatasetProvenance {
        var provenance = DatasetProvenance(quantum: UUID(uuidString: "d93a735b-08f0-477d-bc95-2cc32d6d898b"))
        provenance.add(DatasetProvenance.Input(id: id(1), run: "r/1", datasetType: "raw"))
        provenance.add(DatasetProvenance.Input(id: id(2), run: "r/2", datasetType: "bias"))
        try provenance.add(["psf": 1.5], to: id(2))
        return provenance
    }

    @Test(arguments: [("LSST BUTLER", Character(" ")), ("lsst.butler", "."), ("", "-"), ("LSST.BUTLER", ".")])
    func theFlatFormIsReadBack(prefix: String, separator: Character) throws {
        let provenance = try Self.sample()
        let pairs = provenance.flat(for: nil, prefix: prefix, separator: separator)
        let other: [(key: String, value: StructuredValue)] = [("OBSID", "x"), ("SIMPLE RUNS", 5), ("EXPID", 17)]
        let read = try #require(try DatasetProvenance.read(flat: other + pairs + other))
        #expect(read.dataset == nil && read.provenance.quantum == provenance.quantum)
        #expect(read.provenance.inputs.map(\.id) == [Self.id(1), Self.id(2)])
        #expect(read.provenance.inputs.map(\.run) == ["r/1", "r/2"])
        let isUpper = prefix.first?.isUppercase ?? false
        #expect(read.provenance.inputs[1].extras == [isUpper ? "PSF" : "psf": 1.5])
    }

    @Test func keysAreThoseOfPython() throws {
        let keys = try Self.sample().flat(for: nil, prefix: "LSST BUTLER", separator: " ").map(\.key)
        #expect(
            keys == [
                "LSST BUTLER QUANTUM", "LSST BUTLER N_INPUTS", "LSST BUTLER INPUT 0 ID", "LSST BUTLER INPUT 0 RUN",
                "LSST BUTLER INPUT 0 DATASETTYPE", "LSST BUTLER INPUT 1 ID", "LSST BUTLER INPUT 1 RUN",
                "LSST BUTLER INPUT 1 DATASETTYPE", "LSST BUTLER INPUT 1 PSF",
            ])
        let few = try Self.sample().flat(for: nil, prefix: "a", separator: ".", maximumInputs: 1)
        #expect(few.map(\.key) == ["a.quantum", "a.n_inputs"] && few[1].value == 2)
    }

    @Test func damagedKeysAreErrors() throws {
        let good = try Self.sample().flat(for: nil, prefix: "LSST BUTLER", separator: " ")
        let other = try Self.sample().flat(for: nil, prefix: "other", separator: ".")
        #expect(throws: ButlerError.self) { try DatasetProvenance.read(flat: good + other) }
        #expect(throws: ButlerError.self) {
            try DatasetProvenance.read(flat: good + [("LSST BUTLER ID", "not a UUID")])
        }
        let none = try DatasetProvenance.read(flat: [("NAXIS", 2), ("OBJECT", "M 31")])
        #expect(none == nil)
        var provenance = DatasetProvenance()
        #expect(throws: ButlerError.self) { try provenance.add(["a": 1], to: Self.id(1)) }
        provenance.add(DatasetProvenance.Input(id: Self.id(1)))
        #expect(throws: ButlerError.self) { try provenance.add(["Run": 1], to: Self.id(1)) }
    }
}
