import AstroTime
import ButlerModel
import ByteText

/// Texts and types that are the same in most of the datasets of an operation, each written as a number.
package struct PackedWords: Sendable {
    private var texts = Numbered<ExactName>()
    private var types = Numbered<DatasetType>()
    private var elements = Numbered<DimensionElement>()

    package init() {}

    private struct Numbered<Value: Hashable & Sendable>: Sendable {
        private var values: [Value] = []
        private var numbers: [Value: Int] = [:]
        /// Mostly neighbours are alike.
        private var latest = 0

        mutating func number(_ value: Value) -> Int {
            if latest < values.count, values[latest] == value { return latest }
            if let known = numbers[value] {
                latest = known
            } else {
                latest = values.count
                numbers[value] = latest
                values.append(value)
            }
            return latest
        }

        func value(_ number: Int) throws(PackedReader.Damage) -> Value {
            guard values.indices.contains(number) else { throw PackedReader.Damage() }
            return values[number]
        }
    }

    // MARK: Writing

    package mutating func write(word text: String, _ writer: inout PackedWriter) { writer.write(texts.number(ExactName(text))) }

    /// A dataset, of whose data ID the values of required dimensions.
    package mutating func write(_ ref: DatasetRef, _ writer: inout PackedWriter) {
        writer.write(ref.id)
        writer.write(types.number(ref.datasetType))
        writer.write(texts.number(ExactName(ref.run)))
        for value in ref.dataID.requiredValues { writer.write(value) }
    }

    package mutating func write(_ info: StoredFileInfo, _ writer: inout PackedWriter) {
        write(word: info.formatter, &writer)
        write(word: info.storageClass, &writer)
        writer.write(info.path)
        writer.write(info.component)
        writer.write(info.checksum)
        writer.write(info.fileSize)
    }

    package mutating func write(_ record: DimensionRecord, _ writer: inout PackedWriter) {
        writer.write(elements.number(record.element))
        for value in record.values { writer.write(value) }
    }

    // MARK: Reading

    package func word(_ reader: inout PackedReader) throws(PackedReader.Damage) -> String {
        try texts.value(try reader.int()).text
    }

    package func ref(_ reader: inout PackedReader) throws(PackedReader.Damage) -> DatasetRef {
        let id = try reader.id()
        let type = try types.value(try reader.int())
        let run = try word(&reader)
        var values: [DataIDValue] = []
        for _ in type.dimensions.required { values.append(try reader.value()) }
        return DatasetRef(
            id: id, datasetType: type, dataID: DataCoordinate(group: type.dimensions, values: values), run: run)
    }

    package func info(_ reader: inout PackedReader) throws(PackedReader.Damage) -> StoredFileInfo {
        let formatter = try word(&reader)
        let storageClass = try word(&reader)
        let path = try reader.text()
        let component = try reader.optionalText()
        let checksum = try reader.optionalText()
        return StoredFileInfo(
            formatter: formatter, path: path, storageClass: storageClass, component: component, checksum: checksum,
            fileSize: try reader.signed())
    }

    package func record(_ reader: inout PackedReader) throws(PackedReader.Damage) -> DimensionRecord {
        let element = try elements.value(try reader.int())
        var values: [ColumnValue] = []
        for _ in element.columns { values.append(try reader.columnValue()) }
        return DimensionRecord(element: element, values: values)
    }
}

extension PackedWriter {
    fileprivate mutating func write(_ value: ColumnValue) {
        switch value {
        case .null: write(PackedColumn.null.rawValue)
        case .bool(let flag):
            write(PackedColumn.bool.rawValue)
            write(flag)
        case .int(let number):
            write(PackedColumn.int.rawValue)
            write(number)
        case .float(let number):
            write(PackedColumn.float.rawValue)
            write(number.bitPattern)
        case .string(let text):
            write(PackedColumn.string.rawValue)
            write(text)
        case .hash(let bytes):
            write(PackedColumn.hash.rawValue)
            write(bytes)
        case .uuid(let id):
            write(PackedColumn.uuid.rawValue)
            write(id)
        case .region(let region):
            write(PackedColumn.region.rawValue)
            write(region.bytes)
        case .timespan(let span):
            write(PackedColumn.timespan.rawValue)
            write(span)
        case .datetime(let time):
            write(PackedColumn.datetime.rawValue)
            write(time.rawValue)
        }
    }
}

extension PackedReader {
    fileprivate mutating func columnValue() throws(Damage) -> ColumnValue {
        switch PackedColumn(rawValue: try int()) {
        case .null: return .null
        case .bool: return .bool(try flag())
        case .int: return .int(try signed())
        case .float: return .float(Double(bitPattern: try number()))
        case .string: return .string(try text())
        case .hash: return .hash(try data())
        case .uuid: return .uuid(try id())
        case .region: return .region(EncodedRegion(bytes: try data()))
        case .timespan: return .timespan(try timespan())
        case .datetime: return .datetime(TAINanoseconds(rawValue: try signed()))
        case nil: throw Damage()
        }
    }
}

/// What a value of a dimension record is.
private enum PackedColumn: Int {
    case null, bool, int, float, string, hash, uuid, region, timespan, datetime
}
