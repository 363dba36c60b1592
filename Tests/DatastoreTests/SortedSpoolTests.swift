import AstroTime
import ButlerModel
import Foundation
import TestSupport
import Testing

@testable import Datastore

@Suite struct SortedSpoolTests {
    /// A number, and when it was added.
    private struct Number: SpooledItem, Equatable {
        var value: Int
        var place: Int

        init(_ value: Int, _ place: Int) { (self.value, self.place) = (value, place) }

        static func < (a: Self, b: Self) -> Bool { a.value < b.value }

        func write(to writer: inout PackedWriter, _ words: inout PackedWords) {
            writer.write(value)
            words.write(word: "place \(place % 3)", &writer)
            writer.write(place)
            // So that a run has several blocks.
            writer.write([UInt8](repeating: 7, count: 3000))
        }

        init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
            value = try reader.int()
            let word = try words.word(&reader)
            place = try reader.int()
            guard word == "place \(place % 3)", try reader.data().count == 3000 else { throw PackedReader.Damage() }
        }
    }

    @Test(arguments: [0, 1, 6, 7, 8, 70, 500])
    func itemsComeBackInOrderAndEqualOnesAsTheyWereAdded(_ count: Int) throws {
        var spool = SortedSpool<Number>(pageSize: 7, width: 3)
        let numbers = (0..<count).map { Number($0 * 7919 % 40, $0) }
        for (place, number) in numbers.enumerated() {
            if place == count / 2 { _ = try spool.sorted() }
            try spool.append(number)
        }
        #expect(spool.count == count && spool.isEmpty == (count == 0))
        for _ in 0..<2 {
            var sorted = try spool.sorted()
            var found: [Number] = []
            while let page = try sorted.page(11) { found += page }
            #expect(found == numbers.sorted { ($0.value, $0.place) < ($1.value, $1.place) })
        }
    }

    private static func value(_ type: ElementColumnType) -> ColumnValue {
        switch type {
        case .bool: .bool(true)
        case .int: .int(.min)
        case .float: .float(-0.1)
        case .string: .string("Grüße")
        case .hash: .hash([0, 255])
        case .uuid: .uuid(DatasetID(high: 1, low: .max))
        case .region: .region(EncodedRegion(bytes: [1, 2, 3]))
        case .timespan: .timespan(Timespan(storedNanoseconds: 5, 7))
        case .datetime: .datetime(TAINanoseconds(rawValue: 9))
        }
    }

    @Test func recordsComeBackWithAllKindsOfValues() throws {
        let universe = try TestData.universe()
        let visit = try universe.requireElement("visit")
        var values = visit.columns.map { Self.value($0.type) }
        values[values.count - 1] = .null
        let record = DimensionRecord(element: visit, values: values)
        var words = PackedWords()
        var writer = PackedWriter()
        words.write(record, &writer)
        words.write(record, &writer)
        var reader = PackedReader(writer.bytes)
        #expect(try words.record(&reader) == record)
        #expect(try words.record(&reader) == record)
        #expect(reader.isAtEnd)
        reader = PackedReader(writer.bytes)
        #expect(throws: PackedReader.Damage.self) { try PackedWords().record(&reader) }
    }
}
