import CFITSIO

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Turns HDUs into the bytes of a file.
struct FITSEncoder {
    let file: String

    func encode(_ hdus: [FITSHDU]) throws(FITSError) -> [UInt8] {
        guard case .image? = hdus.first else {
            throw .invalidContent(what: file, reason: "the first HDU must be an image or empty, tables come after it")
        }
        return try CFITSIOGate.run { () throws(FITSError) in
            var outcome: Swift.Result<[UInt8], FITSError> = .success([])
            var size = 0
            var base: UnsafeMutableRawPointer?
            withUnsafeMutablePointer(to: &base) { base in
                withUnsafeMutablePointer(to: &size) { size in
                    outcome = Swift.Result { () throws(FITSError) in
                        let handle = try CFITSIOHandle.writing(base, size, file: file)
                        let length = try encode(hdus, handle)
                        guard let memory = base.pointee, length <= size.pointee else {
                            throw .system(file: file, operation: "write", message: "the encoded file is incomplete")
                        }
                        return [UInt8](UnsafeRawBufferPointer(start: memory, count: length))
                    }
                }
            }
            ZeroedMemory.release(base)
            return try outcome.get()
        }
    }

    /// Returns the length of the file.
    private func encode(_ hdus: [FITSHDU], _ handle: borrowing CFITSIOHandle) throws(FITSError) -> Int {
        for (index, hdu) in hdus.enumerated() {
            switch hdu {
            case .image(let image): try ImageEncoder(index: index).encode(image, handle)
            case .table(let table): try TableEncoder(index: index).encode(table, handle)
            }
            try handle.call("write the checksum of HDU \(index) of") { pointer, status in
                ffpcks(pointer, status)
                // cfitsio dates the comments, and the same content would give other bytes at another time.
                ffmcom(pointer, "DATASUM", "sum of the data", status)
                ffmkys(pointer, "CHECKSUM", "0000000000000000", "sum of the HDU", status)
                ffpcks(pointer, status)
            }
        }
        try handle.call("finish") { ffflus($0, $1) }
        var end: LONGLONG = 0
        try handle.call("finish") { ffghadll($0, nil, nil, &end, $1) }
        return Int(end)
    }
}
