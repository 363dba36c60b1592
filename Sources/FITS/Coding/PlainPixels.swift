/// Pixels that are stored as FITS wants numbers, big end first, and mean what they say, up to the offset that makes integers
/// unsigned (or bytes signed). They need no library.
struct PlainPixels: Sendable {
    enum Kind: Sendable {
        case uint8, int8, int16, uint16, int32, uint32, int64, float, double
    }

    let kind: Kind

    /// - Parameters:
    ///   - scale, zero: texts of the values of `BSCALE` and `BZERO`, if there are any.
    /// - Returns: `nil` for pixels that stand for other numbers than they are.
    init?(bitpix: Int64, scale: String?, zero: String?) {
        guard scale.map({ Double($0) == 1 }) ?? true, let zero = zero.map({ Double($0) }) ?? 0 else { return nil }
        switch (bitpix, zero) {
        case (8, 0): kind = .uint8
        case (8, -128): kind = .int8
        case (16, 0): kind = .int16
        case (16, 32768): kind = .uint16
        case (32, 0): kind = .int32
        case (32, 2_147_483_648): kind = .uint32
        case (64, 0): kind = .int64
        case (-32, 0): kind = .float
        case (-64, 0): kind = .double
        default: return nil
        }
    }

    /// Bytes of a pixel.
    var width: Int {
        switch kind {
        case .uint8, .int8: 1
        case .int16, .uint16: 2
        case .int32, .uint32, .float: 4
        case .int64, .double: 8
        }
    }

    /// The pixels that `fill` gives the bytes of.
    ///
    /// - Parameters:
    ///   - piece: the most bytes that are asked for at a time. Pieces that fit a processor's cache are swapped there.
    ///   - fill: gets the offset of the first byte, and the place for so many.
    func pixels(
        _ count: Int, piece: Int = 1 << 18, _ fill: (Int, UnsafeMutableRawBufferPointer) throws(FITSError) -> Void
    ) throws(FITSError) -> FITSPixels {
        switch kind {
        case .uint8: .uint8(try swapped(count, UInt8(0), piece, fill))
        case .int8: .int8(try swapped(count, UInt8(0x80), piece, fill))
        case .int16: .int16(try swapped(count, UInt16(0), piece, fill))
        case .uint16: .uint16(try swapped(count, UInt16(0x8000), piece, fill))
        case .int32: .int32(try swapped(count, UInt32(0), piece, fill))
        case .uint32: .uint32(try swapped(count, UInt32(0x8000_0000), piece, fill))
        case .int64: .int64(try swapped(count, UInt64(0), piece, fill))
        case .float: .float(try swapped(count, UInt32(0), piece, fill))
        case .double: .double(try swapped(count, UInt64(0), piece, fill))
        }
    }

    /// - Parameter flipped: the bits that the offset changes.
    private func swapped<Element: BitwiseCopyable, Word: FixedWidthInteger>(
        _ count: Int, _ flipped: Word, _ piece: Int,
        _ fill: (Int, UnsafeMutableRawBufferPointer) throws(FITSError) -> Void
    ) throws(FITSError) -> [Element] {
        var failure: FITSError?
        let pixels = [Element](unsafeUninitializedCapacity: count) { buffer, filled in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            let step = (max(1, piece) + 7) / 8 * 8
            var start = 0
            while start < raw.count {
                let part = UnsafeMutableRawBufferPointer(rebasing: raw[start..<Swift.min(raw.count, start + step)])
                do throws(FITSError) {
                    try fill(start, part)
                } catch {
                    failure = error
                    return
                }
                if MemoryLayout<Word>.size > 1 || flipped != 0 {
                    let words = part.assumingMemoryBound(to: Word.self)
                    for index in words.indices { words[index] = Word(bigEndian: words[index]) ^ flipped }
                }
                start += part.count
            }
            filled = count
        }
        if let failure { throw failure }
        return pixels
    }
}

extension FITSPixels {
    /// Hands out the bytes of the pixels as FITS stores them, some at a time, from memory that is used again.
    func visitStored<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        switch self {
        case .uint8(let pixels): try Self.visit(pixels, UInt8(0), body)
        case .int8(let pixels): try Self.visit(pixels, UInt8(0x80), body)
        case .int16(let pixels): try Self.visit(pixels, UInt16(0), body)
        case .uint16(let pixels): try Self.visit(pixels, UInt16(0x8000), body)
        case .int32(let pixels): try Self.visit(pixels, UInt32(0), body)
        case .uint32(let pixels): try Self.visit(pixels, UInt32(0x8000_0000), body)
        case .int64(let pixels): try Self.visit(pixels, UInt64(0), body)
        case .float(let pixels): try Self.visit(pixels, UInt32(0), body)
        case .double(let pixels): try Self.visit(pixels, UInt64(0), body)
        }
    }

    /// The checksum of the bytes as FITS stores them, without making them: a stored word of 32 bits counts as its value.
    var storedChecksum: StoredChecksum {
        var checksum = StoredChecksum()
        switch self {
        case .uint8, .int8: visitStored { checksum.add($0) }
        case .int16(let pixels): checksum.add(Self.sum16(pixels, 0))
        case .uint16(let pixels): checksum.add(Self.sum16(pixels, 0x8000))
        case .int32(let pixels): checksum.add(Self.sum32(pixels, 0))
        case .uint32(let pixels): checksum.add(Self.sum32(pixels, 0x8000_0000))
        case .float(let pixels): checksum.add(Self.sum32(pixels, 0))
        case .int64(let pixels): checksum.add(Self.sum64(pixels))
        case .double(let pixels): checksum.add(Self.sum64(pixels))
        }
        return checksum
    }

    // Sums of up to 2³² words do not overflow.

    private static func sum16<Element: BitwiseCopyable>(_ pixels: [Element], _ flipped: UInt16) -> UInt64 {
        pixels.withUnsafeBytes { raw in
            let words = raw.assumingMemoryBound(to: UInt16.self)
            var (first, second): (UInt64, UInt64) = (0, 0)
            for index in 0..<(words.count / 2) {
                first &+= UInt64(words[2 * index] ^ flipped)
                second &+= UInt64(words[2 * index + 1] ^ flipped)
            }
            if let last = words.last, words.count % 2 == 1 { first &+= UInt64(last ^ flipped) }
            // The first sum has at most 16 + 32 bits, so its carries are folded before it moves up by 16.
            return StoredChecksum.folded(first) << 16 &+ second
        }
    }

    private static func sum32<Element: BitwiseCopyable>(_ pixels: [Element], _ flipped: UInt32) -> UInt64 {
        pixels.withUnsafeBytes { raw in
            var sum: UInt64 = 0
            for word in raw.assumingMemoryBound(to: UInt32.self) { sum &+= UInt64(word ^ flipped) }
            return sum
        }
    }

    private static func sum64<Element: BitwiseCopyable>(_ pixels: [Element]) -> UInt64 {
        pixels.withUnsafeBytes { raw in
            var sum: UInt64 = 0
            for word in raw.assumingMemoryBound(to: UInt64.self) { sum &+= word >> 32 &+ word & 0xFFFF_FFFF }
            return sum
        }
    }

    /// Bytes at a time: a multiple of four, which checksums count by, that fits a processor's cache.
    private static let pieceSize = 1 << 17

    private static func visit<Element: BitwiseCopyable, Word: FixedWidthInteger, Failure: Error>(
        _ pixels: [Element], _ flipped: Word, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let width = MemoryLayout<Word>.size
        let room = UnsafeMutableBufferPointer<Word>.allocate(capacity: pieceSize / width)
        defer { room.deallocate() }
        var failure: Failure?
        pixels.withUnsafeBytes { raw in
            let words = raw.assumingMemoryBound(to: Word.self)
            var start = 0
            while start < words.count {
                let count = min(room.count, words.count - start)
                for index in 0..<count { room[index] = (words[start + index] ^ flipped).bigEndian }
                do throws(Failure) {
                    try body(UnsafeRawBufferPointer(start: room.baseAddress, count: count * width))
                } catch {
                    failure = error
                    return
                }
                start += count
            }
        }
        if let failure { throw failure }
    }
}
