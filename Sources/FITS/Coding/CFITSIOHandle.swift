import CFITSIO
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Guards what cfitsio shares between all files of a process.
///
/// cfitsio's stack of error messages belongs to the process: with two calls at a time nobody can tell whose message is
/// whose. The gate counts, so that messages are only quoted when no other file was in use. A cfitsio that was not
/// built reentrant (`fits_is_reentrant() == 0`; Debian's is built reentrant) gets one caller at a time.
enum CFITSIOGate {
    private struct State {
        var active = 0
        var mixed = false
    }

    private static let state = Mutex(State())
    private static let exclusive = Mutex(())
    private static let isReentrant = fits_is_reentrant() != 0

    static func run<Result>(_ body: () throws(FITSError) -> Result) throws(FITSError) -> Result {
        if let problem = steward_cfitsio_problem() {
            throw .unsupported(what: "FITS without cfitsio", remedy: String(cString: problem))
        }
        if isReentrant { return try counted(body) }
        // `withLock` cannot pass on a typed error, so the outcome travels as a value.
        let outcome = exclusive.withLock { _ in
            Outcome(value: Swift.Result { () throws(FITSError) in try counted(body) })
        }
        return try outcome.value.get()
    }

    private struct Outcome<Success>: @unchecked Sendable {
        // Handed from the lock's closure to its own caller on the same thread.
        let value: Swift.Result<Success, FITSError>
    }

    private static func counted<Result>(_ body: () throws(FITSError) -> Result) throws(FITSError) -> Result {
        guard initialized == 0 else {
            throw .system(file: "cfitsio", operation: "initialise", message: "status \(initialized)")
        }
        state.withLock { state in
            if state.active == 0 {
                state.mixed = false
                ffcmsg()
            } else {
                state.mixed = true
            }
            state.active += 1
        }
        defer { state.withLock { $0.active -= 1 } }
        return try body()
    }

    /// cfitsio's own start is not safe when two threads come first at the same time; Swift runs this once.
    private static let initialized: Int32 = fits_init_cfitsio()

    /// Drops the messages of a call that was expected to fail, unless they may be somebody else's.
    static func forgetExpectedFailure() {
        state.withLock { if !$0.mixed { ffcmsg() } }
    }

    /// The text of a status, with the oldest message of the stack, which tells the cause, when it is surely ours.
    static func message(for status: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 81)
        ffgerr(status, &buffer)
        let text = String(fixedBuffer: buffer)
        let detail = state.withLock { state -> String? in
            guard !state.mixed else { return nil }
            return ffgmsg(&buffer) > 0 ? String(fixedBuffer: buffer) : nil
        }
        guard let detail, !detail.isEmpty else { return text }
        let printable = detail.unicodeScalars.map { (32..<127).contains($0.value) ? String($0) : "?" }.joined()
        return "\(text): \(printable)"
    }
}

extension String {
    /// The text before the first zero of a C buffer. Bytes that are not UTF-8 become U+FFFD.
    init(fixedBuffer buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An open cfitsio file in memory. Not copyable and closed at the end of its life.
struct CFITSIOHandle: ~Copyable {
    /// Set as long as the file is open.
    let pointer: UnsafeMutablePointer<fitsfile>
    let file: String

    private init(pointer: UnsafeMutablePointer<fitsfile>, file: String) {
        self.pointer = pointer
        self.file = file
    }

    /// A status is ignored here: for readers it says nothing, and writers flush (and check) before.
    deinit {
        var status: Int32 = 0
        ffclos(pointer, &status)
    }

    /// Opens bytes for reading; both pointers must stay valid for the life of the handle.
    static func reading(
        _ base: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ size: UnsafeMutablePointer<Int>, file: String
    ) throws(FITSError) -> CFITSIOHandle {
        var pointer: UnsafeMutablePointer<fitsfile>?
        var status: Int32 = 0
        ffomem(&pointer, "memory", READONLY, base, size, 0, nil, &status)
        guard status == 0, let pointer else {
            throw .library(file: file, operation: "open", status: status, message: CFITSIOGate.message(for: status))
        }
        return CFITSIOHandle(pointer: pointer, file: file)
    }

    /// Creates a growing file. It must begin without memory: cfitsio takes what is there for HDUs. Both pointers must stay valid for the life of the handle, and the memory is the caller's to release
    /// (`ZeroedMemory`).
    static func writing(
        _ base: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ size: UnsafeMutablePointer<Int>, file: String
    ) throws(FITSError) -> CFITSIOHandle {
        var pointer: UnsafeMutablePointer<fitsfile>?
        var status: Int32 = 0
        ffimem(&pointer, base, size, 1 << 20, ZeroedMemory.reallocate, &status)
        guard status == 0, let pointer else {
            throw .library(file: file, operation: "create", status: status, message: CFITSIOGate.message(for: status))
        }
        return CFITSIOHandle(pointer: pointer, file: file)
    }

    /// Calls cfitsio and turns a bad status into an error that says what was attempted.
    borrowing func call(
        _ operation: String, _ body: (UnsafeMutablePointer<fitsfile>, UnsafeMutablePointer<Int32>) -> Void
    ) throws(FITSError) {
        var status: Int32 = 0
        body(pointer, &status)
        guard status == 0 else {
            throw .library(
                file: file, operation: operation, status: status, message: CFITSIOGate.message(for: status))
        }
    }
}
