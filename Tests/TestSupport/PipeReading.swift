public import Foundation

/// Reading that goes on after a signal, which Foundation's own takes for a failure that ends the process.
extension FileHandle {
    /// The bytes that are there, or the next ones; none at the end.
    public func nextBytes() throws -> Data {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = receive(from: fileDescriptor, into: &bytes)
            if count >= 0 { return Data(bytes[..<count]) }
            guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        }
    }

    /// All text to the end.
    public func remainingText() throws -> String {
        var bytes = Data()
        while true {
            let next = try nextBytes()
            guard !next.isEmpty else { return String(decoding: bytes, as: UTF8.self) }
            bytes += next
        }
    }
}

/// The system's call, which within `FileHandle` has the name of another one.
private func receive(from descriptor: Int32, into bytes: inout [UInt8]) -> Int { read(descriptor, &bytes, bytes.count) }
