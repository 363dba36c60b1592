/// The cells of a column in one flat array, row after row.
public enum ColumnValues: Sendable, Hashable {
    case bool([Bool])
    case int8([Int8])
    case int16([Int16])
    case int32([Int32])
    case int64([Int64])
    case uint8([UInt8])
    case uint16([UInt16])
    case uint32([UInt32])
    case uint64([UInt64])
    case float([Float])
    case double([Double])
    /// UTF-8 text.
    case string(VariableValues)
    case bytes(VariableValues)
    /// Counts of a unit since 1970-01-01T00:00:00; which time scale they are in is up to whoever wrote them.
    case timestamp([Int64], TimestampType)

    /// The number of cells.
    public var count: Int {
        switch self {
        case .bool(let cells): cells.count
        case .int8(let cells): cells.count
        case .int16(let cells): cells.count
        case .int32(let cells): cells.count
        case .int64(let cells): cells.count
        case .uint8(let cells): cells.count
        case .uint16(let cells): cells.count
        case .uint32(let cells): cells.count
        case .uint64(let cells): cells.count
        case .float(let cells): cells.count
        case .double(let cells): cells.count
        case .string(let cells), .bytes(let cells): cells.count
        case .timestamp(let cells, _): cells.count
        }
    }

    /// A column of text. Cost: O(bytes).
    public static func strings(_ texts: some Sequence<String>) -> ColumnValues { .string(VariableValues(texts)) }

    public var type: ColumnType {
        switch self {
        case .bool: .bool
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .float: .float
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .timestamp(_, let type): .timestamp(type)
        }
    }
}

/// The type of a column's cells.
public enum ColumnType: Sendable, Hashable, CustomStringConvertible {
    case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float, double, string, bytes
    case timestamp(TimestampType)

    /// The name that numpy and ECSV use; `bytes` for byte strings, and `datetime64[us]` and the like for timestamps.
    public var description: String {
        switch self {
        case .bool: "bool"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .uint8: "uint8"
        case .uint16: "uint16"
        case .uint32: "uint32"
        case .uint64: "uint64"
        case .float: "float32"
        case .double: "float64"
        case .string: "string"
        case .bytes: "bytes"
        case .timestamp(let type): "datetime64[\(type.unit.rawValue)]"
        }
    }

    /// The size of a cell in bits, as Apache Arrow keeps it; `nil` for text and bytes, which have none of their own.
    public var bitWidth: Int? {
        switch self {
        case .bool: 1
        case .int8, .uint8: 8
        case .int16, .uint16: 16
        case .int32, .uint32, .float: 32
        case .int64, .uint64, .double, .timestamp: 64
        case .string, .bytes: nil
        }
    }
}

/// What the numbers of a timestamp column count.
public struct TimestampType: Sendable, Hashable {
    public enum Unit: String, Sendable, Hashable, CaseIterable {
        case seconds = "s"
        case milliseconds = "ms"
        case microseconds = "us"
        case nanoseconds = "ns"

        /// How many of them make a second.
        public var perSecond: Int64 {
            switch self {
            case .seconds: 1
            case .milliseconds: 1000
            case .microseconds: 1_000_000
            case .nanoseconds: 1_000_000_000
            }
        }
    }

    public var unit: Unit
    /// The time zone that times are shown in, such as `UTC`; `nil` for times without one.
    public var zone: String?

    public init(_ unit: Unit, zone: String? = nil) {
        self.unit = unit
        self.zone = zone
    }

    /// A time as numpy writes it, `2020-01-01T00:00:00.000000`; `nil` outside the years 1 to 9999.
    public func text(_ value: Int64) -> String? {
        var text: [UInt8] = []
        return CivilTime.append(value, unit, to: &text) ? String(decoding: text, as: UTF8.self) : nil
    }
}
