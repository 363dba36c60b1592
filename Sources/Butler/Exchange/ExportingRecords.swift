import ButlerModel
import Datastore
import Registry

extension RegistrySnapshot {
    /// The dimension records that data IDs refer to, with those that are kept along with them, each once, in an order in
    /// which they can be inserted.
    ///
    /// - Parameter dataIDs: expanded ones.
    /// Cost: a query for each record of an element that others are kept with (`visit`).
    func dimensionRecords(of dataIDs: [DataCoordinate]) throws -> [DimensionRecord] {
        var records = DistinctRecords()
        records.add(dataIDs)
        let companions = try companions(
            of: records.inOrder, apartFrom: Set(records.inOrder.map(\.element.position)))
        records.add(companions)
        return records.inOrder.filter(\.element.hasOwnTable).sorted(by: DistinctRecords.areInOrder)
    }

    /// The records that are kept along with others, and those that they refer to themselves.
    ///
    /// - Parameter present: positions of elements that data IDs name: the others of the same visit would be none of their
    ///   business.
    fileprivate func companions(
        of records: [DimensionRecord], apartFrom present: Set<Int>
    ) throws -> [DimensionRecord] {
        var companions: [DimensionRecord] = []
        for element in universe.elements where !present.contains(element.position) {
            guard let source = element.populatedBy else { continue }
            for record in records where record.element.name == source {
                try self.records(of: element, matching: named(record)) { companion in
                    companions.append(companion)
                    return true
                }
            }
        }
        var found = DistinctRecords()
        for record in companions {
            // What such a record refers to has to come along as well.
            found.add([try expand(named(record))])
            found.add([record])
        }
        return found.inOrder
    }

    private func named(_ record: DimensionRecord) -> [String: DataIDValue] {
        Dictionary(
            zip(record.element.required.map { universe.elements[$0].name }, record.requiredValues),
            uniquingKeysWith: { first, _ in first })
    }
}

/// Dimension records, each once.
private struct DistinctRecords {
    private struct Key: Hashable {
        let element: Int
        let values: [DataIDValue]
    }

    private var seen: Set<Key> = []
    /// In the order in which they came.
    private(set) var inOrder: [DimensionRecord] = []

    mutating func add(_ records: [DimensionRecord]) {
        for record in records
        where seen.insert(Key(element: record.element.position, values: record.requiredValues)).inserted {
            inOrder.append(record)
        }
    }

    /// - Parameter dataIDs: expanded ones.
    mutating func add(_ dataIDs: [DataCoordinate]) {
        for dataID in dataIDs { for case let record? in dataID.records ?? [] { add([record]) } }
    }

    /// Whether one can be inserted before the other.
    static func areInOrder(_ a: DimensionRecord, _ b: DimensionRecord) -> Bool {
        a.element.position != b.element.position
            ? a.element.position < b.element.position : a.requiredValues.lexicographicallyPrecedes(b.requiredValues)
    }
}

/// Dimension records in an order in which they can be inserted, of any number. Of those of one element and data ID the one
/// that came first counts.
struct SpooledRecords: Sendable {
    private struct Entry: SpooledItem {
        let record: DimensionRecord

        init(_ record: DimensionRecord) { self.record = record }

        static func < (a: Self, b: Self) -> Bool { DistinctRecords.areInOrder(a.record, b.record) }

        func write(to writer: inout PackedWriter, _ words: inout PackedWords) { words.write(record, &writer) }

        init(from reader: inout PackedReader, _ words: PackedWords) throws(PackedReader.Damage) {
            record = try words.record(&reader)
        }
    }

    // A record can have a region of some kilobytes.
    private var spool = SortedSpool<Entry>(pageSize: 1000)

    mutating func add(_ records: [DimensionRecord]) throws {
        for record in records where record.element.hasOwnTable { try spool.append(Entry(record)) }
    }

    /// Calls `body` with pages of records, each of one element.
    mutating func pages(of size: Int, _ body: ([DimensionRecord]) async throws -> Void) async throws {
        var sorted = try spool.sorted()
        var page: [DimensionRecord] = []
        var latest: Entry?
        while let entry = try sorted.next() {
            if let latest, !(latest < entry) { continue }
            if page.count == size || latest.map({ $0.record.element != entry.record.element }) == true {
                try await body(page)
                page = []
            }
            page.append(entry.record)
            latest = entry
        }
        if !page.isEmpty { try await body(page) }
    }
}

/// The dimension records of one call that saves data IDs or datasets.
struct ReferredRecords: Sendable {
    private let elements: Set<String>?
    private var records = SpooledRecords()
    private var present: Set<Int> = []

    /// - Parameter elements: names of those whose records are wanted; `nil` for all.
    init(elements: Set<String>?) { self.elements = elements }

    /// Looks up the records of data IDs.
    /// - Returns: the data IDs' records, each once.
    static func found(
        _ dataIDs: [DataCoordinate], _ snapshot: RegistrySnapshot
    ) throws -> [DimensionRecord] {
        let memory = RecordMemory()
        var found = DistinctRecords()
        for dataID in dataIDs { found.add([try snapshot.expand(dataID, remembering: memory)]) }
        return found.inOrder
    }

    mutating func add(_ found: [DimensionRecord]) throws {
        present.formUnion(found.map(\.element.position))
        try records.add(found)
    }

    /// Adds the records, and those that are kept along with them, to others.
    mutating func save(_ registry: Registry, to all: inout SpooledRecords) async throws {
        let (present, elements) = (present, elements)
        func wanted(_ records: [DimensionRecord]) -> [DimensionRecord] {
            records.filter { elements?.contains($0.element.name) ?? true }
        }
        let sources = Set(registry.universe.elements.filter { !present.contains($0.position) }.compactMap(\.populatedBy))
        // Each can have some hundred others.
        try await records.pages(of: 20) { page in
            try all.add(wanted(page))
            guard let element = page.first?.element, sources.contains(element.name) else { return }
            try all.add(wanted(try await registry.read { try $0.companions(of: page, apartFrom: present) }))
        }
    }
}
