import CZlib

/// Raw deflate data and CRC-32, by zlib.
enum Inflation {
    /// The unpacked form of raw deflate data (RFC 1951); `nil` unless it unpacks to exactly `size` bytes and uses all
    /// of the packed ones.
    static func inflate(_ packed: [UInt8], size: Int) -> [UInt8]? {
        guard packed.count <= Int(UInt32.max), size <= Int(UInt32.max) else { return nil }
        var stream = z_stream()
        // Negative window bits: no zlib header.
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var input = packed
        // One byte more than expected shows data that goes on.
        var output = [UInt8](repeating: 0, count: size + 1)
        let status = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                return CZlib.inflate(&stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END, stream.total_out == size, stream.avail_in == 0 else { return nil }
        output.removeLast()
        return output
    }

    /// CRC-32 as zip archives use it.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
    }
}
