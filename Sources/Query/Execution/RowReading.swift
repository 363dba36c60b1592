import ButlerModel
import Database
import Registry

/// Reads the dimension keys of a group out of rows.
struct KeyReader {
    private let columns: [(index: Int, isInt: Bool)]

    init(_ group: DimensionGroup, _ layout: RowLayout) throws {
        try self.init(group.keys, group.universe, layout)
    }

    init(_ positions: [Int], _ universe: DimensionUniverse, _ layout: RowLayout) throws {
        columns = try positions.map { position in
            (try layout.require(.key(position)), universe.elements[position].primaryKey?.type == .int)
        }
    }

    func values(_ row: any DatabaseRow) throws -> [DataIDValue] {
        try columns.map { $0.isInt ? .int(try row.int($0.index)) : .string(try row.text($0.index)) }
    }
}

/// Reads the record of one element out of rows, or finds it by the keys in them.
final class RecordReader {
    let element: DimensionElement
    private let snapshot: RegistrySnapshot
    private let source: Source

    private enum Source {
        /// Held in memory.
        case held(KeyReader, [[DataIDValue]: DimensionRecord])
        /// Pixels, computed.
        case pixel(Int)
        /// Columns of the row: where each column of the record is.
        case row([Int])
        /// Looked up by key: many rows share a record, so that rows need not carry it.
        case lookUp(KeyReader)
    }

    /// Records looked up before.
    private var known: [[DataIDValue]: DimensionRecord] = [:]
    private static let mostKnown = 4096

    init(_ element: DimensionElement, _ layout: RowLayout, _ snapshot: RegistrySnapshot, usesMemory: Bool) throws {
        self.element = element
        self.snapshot = snapshot
        if element.skypix != nil {
            source = .pixel(try layout.require(.key(element.position)))
        } else if usesMemory, let held = snapshot.cachedRecords.records(of: element) {
            source = .held(try KeyReader(element.required, snapshot.universe, layout), held)
        } else if let columns = try layout.columns(of: element) {
            source = .row(columns)
        } else {
            source = .lookUp(try KeyReader(element.required, snapshot.universe, layout))
        }
    }

    /// - Throws: `ButlerError` of kind `dataIDValue` when the row's keys have no record.
    func record(_ row: any DatabaseRow) throws -> DimensionRecord {
        switch source {
        case .held(let reader, let records):
            let key = try reader.values(row)
            if let record = records[key] { return record }
            throw missing(key)
        case .pixel(let column):
            let pixel = try row.int(column)
            if let record = try SkypixRecords.record(element, pixel: pixel) { return record }
            throw missing([.int(pixel)])
        case .row(let columns):
            return DimensionRecord(
                element: element,
                values: try zip(element.columns, columns).map { column, index in
                    try ColumnValue(row, index, type: column.type)
                })
        case .lookUp(let reader):
            let key = try reader.values(row)
            if let record = known[key] { return record }
            guard let record = try snapshot.record(of: element, key) else { throw missing(key) }
            if known.count >= Self.mostKnown { known.removeAll(keepingCapacity: true) }
            known[key] = record
            return record
        }
    }

    private func missing(_ key: [DataIDValue]) -> ButlerError {
        ButlerError(
            .dataIDValue,
            "Dimension '\(element)' has no record for (\(key.map(\.quotedDescription).joined(separator: ", "))); insert it.")
    }
}

extension RowLayout {
    /// Where the columns of an element's record are; `nil` when rows do not carry all of them.
    func columns(of element: DimensionElement) throws -> [Int]? {
        var columns: [Int] = []
        for (index, column) in element.columns.enumerated() {
            switch column.role {
            case .required(let dimension), .implied(let dimension): columns.append(try require(.key(dimension)))
            case .alternateKey, .metadata, .region, .timespan:
                guard let place = self[.field(element: element.position, column: index)] else { return nil }
                columns.append(place)
            }
        }
        return columns
    }
}
