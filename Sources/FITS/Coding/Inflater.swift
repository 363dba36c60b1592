import CZlib

/// Expands gzip streams one after the other.
struct Inflater {
    private var state = z_stream()
    private var isReady = false
    private var scratch: [UInt8] = []

    private mutating func begin() -> Bool {
        if isReady { return inflateReset(&state) == Z_OK }
        // 15 + 16: the largest window, gzip format.
        guard inflateInit2_(&state, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return false }
        isReady = true
        return true
    }

    /// Expands a stream into nothing, to see that it ends.
    mutating func isWhole(_ stream: inout [UInt8], count: Int, largestOutput: Int64) -> Bool {
        guard begin(), let size = UInt32(exactly: count) else { return false }
        if scratch.isEmpty { scratch = [UInt8](repeating: 0, count: 1 << 16) }
        return stream.withUnsafeMutableBufferPointer { input in
            scratch.withUnsafeMutableBufferPointer { output in
                state.next_in = input.baseAddress
                state.avail_in = size
                while true {
                    state.next_out = output.baseAddress
                    state.avail_out = UInt32(output.count)
                    let status = inflate(&state, Z_NO_FLUSH)
                    guard Int64(state.total_out) <= largestOutput else { return false }
                    if status == Z_STREAM_END { return true }
                    // No progress is possible with the input used up.
                    guard status == Z_OK, state.avail_in > 0 || state.avail_out == 0 else { return false }
                }
            }
        }
    }

    enum Outcome {
        case filled
        /// The stream holds more or fewer bytes than there is room for.
        case otherSize
        case broken
    }

    /// Expands a stream into a buffer that it should fill.
    mutating func expand(_ stream: inout [UInt8], count: Int, into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        guard begin(), let size = UInt32(exactly: count), let room = UInt32(exactly: buffer.count) else { return .broken }
        return stream.withUnsafeMutableBufferPointer { input in
            state.next_in = input.baseAddress
            state.avail_in = size
            state.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            state.avail_out = room
            switch inflate(&state, Z_FINISH) {
            case Z_STREAM_END: return state.avail_out == 0 ? .filled : .otherSize
            case Z_OK, Z_BUF_ERROR: return state.avail_out == 0 ? .otherSize : .broken
            default: return .broken
            }
        }
    }

    mutating func finish() {
        if isReady { inflateEnd(&state) }
        isReady = false
    }
}
