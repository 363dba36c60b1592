import ByteText

/// The BLAKE2b hash of RFC 7693, without a key: constraint names and artifact checksums of a repository use it.
///
///     var hash = BLAKE2b()
///     hash.update(chunk)
///     let checksum = hash.finalized()
///
/// Input may come in pieces of any size; the cost grows linearly with its length and memory is constant.
public struct BLAKE2b: Sendable {
    /// The length of a digest: 1 to 64 bytes. Digests of different sizes are unrelated.
    public struct DigestSize: Hashable, Sendable {
        public let bytes: Int

        /// `nil` unless `bytes` is from 1 to 64.
        public init?(bytes: Int) {
            guard (1...64).contains(bytes) else { return nil }
            self.bytes = bytes
        }

        private init(legal bytes: Int) { self.bytes = bytes }

        /// As constraint names use it.
        public static let fourBytes = DigestSize(legal: 4)
        /// As artifact checksums use it.
        public static let full = DigestSize(legal: 64)
    }

    private static let blockSize = 128
    private static let initial: [UInt64] = [
        0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ]
    /// The order of message words in each round (RFC 7693, section 2.7); the last two repeat the first two.
    private static let schedule: [Int] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    ]

    private let digestSize: DigestSize
    private var state: [UInt64]
    private var block = [UInt8](repeating: 0, count: blockSize)
    private var filled = 0
    private var total: UInt64 = 0
    private var work = [UInt64](repeating: 0, count: 32)

    public init(digestSize: DigestSize = .full) {
        self.digestSize = digestSize
        state = Self.initial
        state[0] ^= 0x0101_0000 ^ UInt64(digestSize.bytes)
    }

    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            // The last block is compressed by `finalized()`, so a full buffer waits until more input is known to come.
            if filled == Self.blockSize {
                total &+= UInt64(Self.blockSize)
                block.withUnsafeBytes { compress($0, isLast: false) }
                filled = 0
            }
            if filled == 0 {
                while rest.count > Self.blockSize {
                    total &+= UInt64(Self.blockSize)
                    compress(UnsafeRawBufferPointer(rebasing: rest.prefix(Self.blockSize)), isLast: false)
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Self.blockSize))
                }
            }
            let count = min(Self.blockSize - filled, rest.count)
            for index in 0..<count { block[filled + index] = rest[index] }
            filled += count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }

    /// The digest of all input so far. More input may follow.
    public func finalized() -> [UInt8] {
        var copy = self
        copy.total &+= UInt64(filled)
        for index in filled..<Self.blockSize { copy.block[index] = 0 }
        let last = copy.block
        last.withUnsafeBytes { copy.compress($0, isLast: true) }
        return (0..<digestSize.bytes).map { UInt8(truncatingIfNeeded: copy.state[$0 / 8] >> UInt64(8 * ($0 % 8))) }
    }

    /// The digest of `bytes` in lower-case hexadecimal digits.
    public static func hexadecimalDigest(of bytes: [UInt8], size: DigestSize = .full) -> String {
        var hash = BLAKE2b(digestSize: size)
        hash.update(bytes)
        return hash.hexadecimalDigest()
    }

    /// The digest of all input so far, in lower-case hexadecimal digits.
    public func hexadecimalDigest() -> String { Hexadecimal.encode(finalized()) }

    // MARK: - Compression

    private mutating func compress(_ message: UnsafeRawBufferPointer, isLast: Bool) {
        work.withUnsafeMutableBufferPointer { work in
            for index in 0..<8 {
                work[index] = state[index]
                work[8 + index] = Self.initial[index]
            }
            work[12] ^= total
            if isLast { work[14] = ~work[14] }
            for index in 0..<16 {
                work[16 + index] = UInt64(
                    littleEndian: message.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
            }
            Self.schedule.withUnsafeBufferPointer { schedule in
                for round in stride(from: 0, to: 192, by: 16) {
                    Self.mix(work, 0, 4, 8, 12, schedule[round], schedule[round + 1])
                    Self.mix(work, 1, 5, 9, 13, schedule[round + 2], schedule[round + 3])
                    Self.mix(work, 2, 6, 10, 14, schedule[round + 4], schedule[round + 5])
                    Self.mix(work, 3, 7, 11, 15, schedule[round + 6], schedule[round + 7])
                    Self.mix(work, 0, 5, 10, 15, schedule[round + 8], schedule[round + 9])
                    Self.mix(work, 1, 6, 11, 12, schedule[round + 10], schedule[round + 11])
                    Self.mix(work, 2, 7, 8, 13, schedule[round + 12], schedule[round + 13])
                    Self.mix(work, 3, 4, 9, 14, schedule[round + 14], schedule[round + 15])
                }
            }
            for index in 0..<8 { state[index] ^= work[index] ^ work[8 + index] }
        }
    }

    /// One quarter round on the words `a` to `d`, with the message words `x` and `y`, which follow the first 16 words.
    @inline(__always)
    private static func mix(
        _ work: UnsafeMutableBufferPointer<UInt64>, _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ x: Int, _ y: Int
    ) {
        work[a] = work[a] &+ work[b] &+ work[16 + x]
        work[d] = rotatedRight(work[d] ^ work[a], 32)
        work[c] = work[c] &+ work[d]
        work[b] = rotatedRight(work[b] ^ work[c], 24)
        work[a] = work[a] &+ work[b] &+ work[16 + y]
        work[d] = rotatedRight(work[d] ^ work[a], 16)
        work[c] = work[c] &+ work[d]
        work[b] = rotatedRight(work[b] ^ work[c], 63)
    }

    @inline(__always)
    private static func rotatedRight(_ word: UInt64, _ count: UInt64) -> UInt64 {
        word >> count | word << (64 - count)
    }
}
