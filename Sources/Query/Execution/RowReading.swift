import ButlerModel
import Database
import Registry

/// Reads the dimension keys of a group out of rows.
struct KeyReader {
    private enum Source {
        case int(Int)
        case string(Int)
        case derived(DerivedKey)
    }

    private let sources: [Source]

    init(_ group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        try self.init(group.keys, layout, snapshot)
    }

    init(_ positions: [Int], _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        sources = try positions.map { position in
            if layout.derivedKeys[position] != nil { return .derived(try DerivedKey(position, layout, snapshot)) }
            let column = try layout.require(.key(position))
            return snapshot.universe.elements[position].primaryKey?.type == .int ? .int(column) : .string(column)
        }
    }

    func values(_ row: any DatabaseRow) throws -> [DataIDValue] {
        try sources.map { source in
            switch source {
            case .int(let column): .int(try row.int(column))
            case .string(let column): .string(try row.text(column))
            case .derived(let key): try key.value(row)
            }
        }
    }
}

/// The key of a dimension that rows do not carry: it follows from a record that is held in memory. A filter tells its
/// band.
final class DerivedKey {
    private var finder: Finder

    /// - Throws: ``StatementError`` when nothing gives the key.
    init(_ position: Int, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        finder = try Finder(position, layout, snapshot)
    }

    func value(_ row: any DatabaseRow) throws -> DataIDValue { try finder.found(row).value }

    /// Appends the value as JSON text.
    func write(_ row: any DatabaseRow, to text: inout PageText) throws { text.append(try finder.found(row).text) }

    private struct Finder {
        let element: DimensionElement
        let column: Int
        let records: [[DataIDValue]: DimensionRecord]
        var keys: KeyTracker
        /// What was found for the last row.
        var last: (value: DataIDValue, text: [UInt8])?

        init(_ position: Int, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
            guard let element = layout.derivedKeys[position],
                let records = snapshot.cachedRecords.records(of: element),
                let index = element.implied.firstIndex(of: position)
            else { throw StatementError.missingColumn(snapshot.universe.elements[position].name) }
            self.element = element
            self.records = records
            column = element.required.count + index
            keys = try KeyTracker(element.required, layout, snapshot)
        }

        mutating func found(_ row: any DatabaseRow) throws -> (value: DataIDValue, text: [UInt8]) {
            if try keys.advance(to: row) == 0, let last { return last }
            last = nil
            guard let value = records[keys.values]?.values[column].dataIDValue else {
                throw ButlerError(
                    .dataIDValue,
                    "Dimension '\(element)' has no record for "
                        + "(\(keys.values.map(\.quotedDescription).joined(separator: ", "))); insert it.")
            }
            let found = (value, LineJSON.text { $0.value(value.wire) })
            last = found
            return found
        }
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
            source = .held(try KeyReader(element.required, layout, snapshot), held)
        } else if let columns = layout.columns(of: element) {
            source = .row(columns)
        } else {
            source = .lookUp(try KeyReader(element.required, layout, snapshot))
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
    func columns(of element: DimensionElement) -> [Int]? {
        var columns: [Int] = []
        for (index, column) in element.columns.enumerated() {
            switch column.role {
            case .required(let dimension), .implied(let dimension):
                guard let place = self[.key(dimension)] else { return nil }
                columns.append(place)
            case .alternateKey, .metadata, .region, .timespan:
                guard let place = self[.field(element: element.position, column: index)] else { return nil }
                columns.append(place)
            }
        }
        return columns
    }
}
