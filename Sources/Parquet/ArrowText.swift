import CArrow
import StructuredData

/// Texts that cross the border to C++.
enum ArrowText {
    /// The text of an error, which is freed; in one line.
    static func take(_ error: UnsafeMutablePointer<CChar>?) -> String {
        guard let error else { return "there is not enough memory" }
        defer { carrow_free(error) }
        return String(cString: error).split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// Text, or bytes where it is none.
    static func value(_ slice: carrow_slice) -> StructuredValue {
        let buffer = UnsafeBufferPointer(start: slice.bytes, count: Int(slice.count))
        return String(validating: buffer, as: UTF8.self).map { .string($0) } ?? .bytes(Array(buffer))
    }

    static func text(_ slice: carrow_slice) -> String {
        String(decoding: UnsafeBufferPointer(start: slice.bytes, count: Int(slice.count)), as: UTF8.self)
    }

    static func mapping(_ metadata: carrow_metadata) -> StructuredMapping {
        StructuredMapping((0..<Int(metadata.count)).map { (text(metadata.keys[$0]), value(metadata.values[$0])) })
    }
}

/// Copies of texts for C++, valid as long as this lives.
final class ArrowTextArena {
    private var allocations: [UnsafeMutableRawBufferPointer] = []

    deinit { for allocation in allocations { allocation.deallocate() } }

    func slice(_ bytes: [UInt8]) -> carrow_slice {
        guard !bytes.isEmpty else { return carrow_slice() }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyBytes(from: bytes)
        allocations.append(copy)
        return carrow_slice(bytes: copy.baseAddress?.assumingMemoryBound(to: UInt8.self), count: Int64(bytes.count))
    }

    func slice(_ text: String) -> carrow_slice { slice(Array(text.utf8)) }

    /// Pairs whose values are text or bytes; others are written as JSON.
    func metadata(_ mapping: StructuredMapping) -> carrow_metadata {
        let keys = mapping.keys.map { slice($0) }
        let values = mapping.pairs.map { pair in
            switch pair.value {
            case .string(let text): slice(text)
            case .bytes(let bytes): slice(bytes)
            default: slice(pair.value.description)
            }
        }
        return carrow_metadata(keys: array(keys), values: array(values), count: Int64(keys.count))
    }

    private func array(_ slices: [carrow_slice]) -> UnsafePointer<carrow_slice>? {
        guard !slices.isEmpty else { return nil }
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: slices.count * MemoryLayout<carrow_slice>.stride, alignment: MemoryLayout<carrow_slice>.alignment)
        allocations.append(copy)
        return UnsafePointer(copy.initializeMemory(as: carrow_slice.self, from: slices).initialized.baseAddress)
    }
}
