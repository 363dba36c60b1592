/// What can go wrong with a FITS file. Each text names the file (or keyword) and says what to do, in one line.
public enum FITSError: Error, Sendable, Equatable, CustomStringConvertible {
    case notFITS(file: String, reason: String)
    case truncated(file: String, hdu: Int, needed: Int64, available: Int64)
    case malformed(file: String, hdu: Int, reason: String)
    case tooLarge(file: String, hdu: Int, bytes: Int64, limit: Int64)
    case unsupported(what: String, remedy: String)
    case library(file: String, operation: String, status: Int32, message: String)
    case system(file: String, operation: String, message: String)
    case alreadyExists(file: String)
    case invalidCard(keyword: String, reason: String)
    case shapeMismatch(shape: [Int], pixels: Int)
    case missingHDU(name: String, present: [String])
    case invalidContent(what: String, reason: String)

    public var description: String {
        switch self {
        case .notFITS(let file, let reason):
            "\(file) is not a FITS file: \(reason)"
        case .truncated(let file, let hdu, let needed, let available):
            "\(file) is cut off: HDU \(hdu) needs \(needed) bytes, the file has \(available); fetch or write it again"
        case .malformed(let file, let hdu, let reason):
            "\(file), HDU \(hdu): \(reason); the file is damaged or not standard FITS"
        case .tooLarge(let file, let hdu, let bytes, let limit):
            "\(file), HDU \(hdu) asks for \(bytes) bytes of memory, the limit is \(limit); raise FITSLimits if the file is right"
        case .unsupported(let what, let remedy):
            "\(what) is not supported; \(remedy)"
        case .library(let file, let operation, let status, let message):
            "could not \(operation) \(file): \(message) (cfitsio status \(status)); the file is damaged or not standard FITS"
        case .system(let file, let operation, let message):
            "could not \(operation) \(file): \(message); check the path, its permissions and the space on its disk"
        case .alreadyExists(let file):
            "\(file) already exists; delete it first or ask to overwrite it"
        case .invalidCard(let keyword, let reason):
            "header card '\(keyword)' cannot be written: \(reason)"
        case .shapeMismatch(let shape, let pixels):
            "an image of shape \(shape) cannot hold \(pixels) pixels; shape and pixel count must agree"
        case .missingHDU(let name, let present):
            "there is no HDU '\(name)'; the file has \(present.isEmpty ? "no named HDUs" : present.joined(separator: ", "))"
        case .invalidContent(let what, let reason):
            "\(what) is not usable: \(reason)"
        }
    }
}

/// Bounds on the memory that reading a file may take, whatever its headers claim.
public struct FITSLimits: Sendable, Hashable {
    /// Largest decoded size of one image or table, in bytes.
    public var maximumHDUBytes: Int64
    /// Largest number of HDUs.
    public var maximumHDUs: Int

    public init(maximumHDUBytes: Int64 = 4 << 30, maximumHDUs: Int = 10_000) {
        self.maximumHDUBytes = maximumHDUBytes
        self.maximumHDUs = maximumHDUs
    }
}
