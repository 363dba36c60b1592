#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Growing memory whose new part is zero, for the files that cfitsio writes.
///
/// cfitsio looks at the old content of a tile before it writes the new one. In a file on disk that is a hole of zeros;
/// with plain `realloc` it is whatever the memory held before, and the write fails or goes wrong (seen with 4.2.0).
enum ZeroedMemory {
    /// Room for the size in front of the block; 16 keeps the alignment of `malloc`.
    private static let prefix = 16

    /// What cfitsio calls to grow the file.
    static let reallocate: @convention(c) (UnsafeMutableRawPointer?, Int) -> UnsafeMutableRawPointer? = { old, size in
        let oldSize = old.map { ($0 - prefix).load(as: Int.self) } ?? 0
        guard let block = realloc(old.map { $0 - prefix }, size + prefix) else { return nil }
        block.storeBytes(of: size, as: Int.self)
        if size > oldSize { memset(block + prefix + oldSize, 0, size - oldSize) }
        return block + prefix
    }

    static func release(_ memory: UnsafeMutableRawPointer?) {
        if let memory { free(memory - prefix) }
    }
}
