import ButlerModel
import Database
import Registry

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Follows the dimension keys of rows that are read one after the other: most keys are those of the row before.
struct KeyTracker {
    private enum Source {
        case int(Int)
        case string(Int)
        case derived(DerivedKey)
    }

    private let sources: [Source]
    /// The keys of the last row.
    private(set) var values: [DataIDValue]
    /// The integers of the last row, and the bytes of its text.
    private var numbers: [Int64]
    private var texts: [[UInt8]]
    private var hasRow = false

    init(_ positions: [Int], _ layout: RowLayout, _ snapshot: RegistrySnapshot) throws {
        sources = try positions.map { position in
            if layout.derivedKeys[position] != nil { return .derived(try DerivedKey(position, layout, snapshot)) }
            let column = try layout.require(.key(position))
            return snapshot.universe.elements[position].primaryKey?.type == .int ? .int(column) : .string(column)
        }
        values = Array(repeating: .int(0), count: positions.count)
        numbers = Array(repeating: 0, count: positions.count)
        texts = Array(repeating: [], count: positions.count)
    }

    /// Reads the keys of the next row.
    ///
    /// - Returns: a bit for each key that is not that of the row before; all bits for the first row, also without keys.
    /// - Throws: `DatabaseError` for NULL and for values of another type.
    mutating func advance(to row: any DatabaseRow) throws -> UInt64 {
        var changed: UInt64 = 0
        for index in sources.indices {
            switch sources[index] {
            case .int(let column):
                guard case .int(let number) = try row.value(column) else {
                    _ = try row.int(column)
                    continue
                }
                if number == numbers[index], hasRow { continue }
                numbers[index] = number
                values[index] = .int(number)
            case .string(let column):
                guard case .text(let text) = try row.value(column) else {
                    _ = try row.text(column)
                    continue
                }
                if hasRow, Self.isEqual(text, texts[index]) { continue }
                texts[index] = Array(text)
                values[index] = .string(String(decoding: text, as: UTF8.self))
            case .derived(let key):
                let value = try key.value(row)
                if hasRow, value == values[index] { continue }
                values[index] = value
            }
            changed |= 1 << UInt64(index)
        }
        defer { hasRow = true }
        return hasRow ? changed : .max
    }

    private static func isEqual(_ text: UnsafeBufferPointer<UInt8>, _ bytes: [UInt8]) -> Bool {
        guard text.count == bytes.count, let start = text.baseAddress else { return text.isEmpty && bytes.isEmpty }
        return memcmp(start, bytes, bytes.count) == 0
    }
}
