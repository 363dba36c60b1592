import AstroTime
import ButlerModel
import Database
import QueryModel
import Registry

/// Builds model values from rows.
final class ModelRows: RowWriter {
    private enum Reader {
        case dataCoordinates(CoordinateReader)
        case dimensionRecords(RecordReader)
        case datasetRefs(DatasetRefReader)
        case general(GeneralReader)
    }

    private let reader: Reader
    // One array for each kind of row, since one inside of an enumeration is shared when it is taken out, and copied with
    // each row.
    private var coordinates: [DataCoordinate] = []
    private var records: [DimensionRecord] = []
    private var refs: [DatasetRef] = []
    private var general: [GeneralRow] = []
    /// Records are a set, page by page.
    private var seen: Set<[DataIDValue]> = []

    init(_ result: ResultSpecification, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        switch result.kind {
        case .dataCoordinates(let group, let withRecords):
            reader = .dataCoordinates(try CoordinateReader(group, layout, snapshot, withRecords: withRecords))
        case .dimensionRecords(let element, _):
            reader = .dimensionRecords(try RecordReader(element, layout, snapshot, usesMemory: false))
        case .datasetRefs(let refs): reader = .datasetRefs(try DatasetRefReader(refs, layout, snapshot))
        case .general(let general): reader = .general(try GeneralReader(general, layout, snapshot))
        }
    }

    func append(_ row: any DatabaseRow) throws {
        switch reader {
        case .dataCoordinates(let reader): coordinates.append(try reader.coordinate(row))
        case .dimensionRecords(let reader):
            let record = try reader.record(row)
            if seen.insert(record.requiredValues).inserted { records.append(record) }
        case .datasetRefs(let reader): refs.append(try reader.ref(row))
        case .general(let reader): general.append(try reader.row(row))
        }
    }

    var isFull: Bool { false }

    func takePage() -> ResultPage {
        defer { (seen, coordinates, records, refs, general) = ([], [], [], [], []) }
        return switch reader {
        case .dataCoordinates: .dataCoordinates(coordinates)
        case .dimensionRecords: .dimensionRecords(records)
        case .datasetRefs: .datasetRefs(refs)
        case .general: .general(general)
        }
    }
}

/// Reads data IDs with all keys, and records if wanted.
struct CoordinateReader {
    private let group: DimensionGroup
    private let keys: KeyReader
    private let records: [RecordReader]?

    init(_ group: DimensionGroup, _ layout: RowLayout, _ snapshot: RegistrySnapshot, withRecords: Bool) throws {
        self.group = group
        keys = try KeyReader(group, layout, snapshot)
        records =
            withRecords || group.isEmpty ? try group.elements.map { try RecordReader($0, layout, snapshot, usesMemory: true) } : nil
    }

    func coordinate(_ row: any DatabaseRow) throws -> DataCoordinate {
        DataCoordinate(
            group: group, values: try keys.values(row), records: try records?.map { try $0.record(row) })
    }
}

struct DatasetRefReader {
    private let type: DatasetType
    private let coordinates: CoordinateReader
    private let id: Int
    private let run: Int
    private let snapshot: RegistrySnapshot

    init(_ refs: ResultSpecification.DatasetRefs, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        type = try snapshot.datasetType(refs.datasetType)
        coordinates = try CoordinateReader(refs.dimensions, layout, snapshot, withRecords: refs.withRecords)
        id = try layout.require(.dataset(type: refs.datasetType, .datasetID))
        run = try layout.require(.dataset(type: refs.datasetType, .run))
        self.snapshot = snapshot
    }

    func ref(_ row: any DatabaseRow) throws -> DatasetRef {
        DatasetRef(
            id: DatasetID(try row.uuid(id)), datasetType: type, dataID: try coordinates.coordinate(row),
            run: try snapshot.collectionName(row.int(run)))
    }
}

extension RegistrySnapshot {
    /// - Throws: `RegistryError` when a row refers to a collection that does not exist.
    func collectionName(_ key: Int64) throws -> String {
        guard let entry = catalog.collections[key] else {
            throw RegistryError.corruptValue(
                table: "dataset", column: "run_id", reason: "there is no collection with key \(key)")
        }
        return entry.name
    }
}

/// Reads the columns of general results, in the order of the protocol.
struct GeneralReader {
    let columns: [ColumnReference]
    private let keys: KeyReader
    /// The places of the columns after the keys.
    private let indices: [Int]
    private let snapshot: RegistrySnapshot

    init(_ general: ResultSpecification.General, _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        columns = general.columns
        keys = try KeyReader(general.dimensions, layout, snapshot)
        indices = try columns.dropFirst(general.dimensions.keys.count).map { try layout.require($0.resultColumn) }
        self.snapshot = snapshot
    }

    func row(_ row: any DatabaseRow) throws -> GeneralRow {
        let values = try keys.values(row).map { ColumnValue($0) }
        let fields = try zip(columns.dropFirst(values.count), indices).map { try value(row, $0, $1) }
        return GeneralRow(columns: columns, values: values + fields)
    }

    private func value(_ row: any DatabaseRow, _ column: ColumnReference, _ index: Int) throws -> ColumnValue {
        switch column {
        case .dimensionKey(let dimension):
            return try ColumnValue(row, index, type: dimension.primaryKey?.type ?? .int)
        case .dimensionField(let element, let column):
            return try ColumnValue(row, index, type: element.columns[column].type)
        case .datasetField(_, let field):
            switch field {
            case .datasetID: return .uuid(DatasetID(try row.uuid(index)))
            case .collection, .run: return .string(try snapshot.collectionName(try row.int(index)))
            case .timespan: return try row.timespan(index).map { .timespan($0) } ?? .null
            case .ingestDate:
                return .datetime(
                    snapshot.schema.storesIngestDateAsText
                        ? try IngestDateText.time(try row.text(index)) : TAINanoseconds(rawValue: try row.int(index)))
            }
        }
    }
}

extension ColumnReference {
    var resultColumn: ResultColumn {
        switch self {
        case .dimensionKey(let dimension): .key(dimension.position)
        case .dimensionField(let element, let column): .field(element: element.position, column: column)
        case .datasetField(let type, let field): .dataset(type: type, field)
        }
    }
}

extension ResultSpecification.General {
    /// The columns of rows: keys, fields of elements in universe order, fields of datasets by name. With records, all
    /// fields of elements that are not held in memory.
    var columns: [ColumnReference] {
        var columns = dimensions.keys.map { ColumnReference.dimensionKey(dimensions.universe.elements[$0]) }
        for element in dimensions.elements {
            var indices = Set(dimensionFields.first { $0.element == element }?.columns ?? [])
            if withRecords, element.isStoredAlone {
                for (index, column) in element.columns.enumerated() where column.isField { indices.insert(index) }
            }
            columns += indices.sorted().map { .dimensionField(element, column: $0) }
        }
        for (type, fields) in datasetFields { columns += fields.map { .datasetField(datasetType: type, $0) } }
        return columns
    }
}
