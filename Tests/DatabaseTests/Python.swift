import Foundation

/// A Python process with a database file open as `c`, in autocommit mode, that runs one line of code at a time.
final class Python: @unchecked Sendable {
    // Shared for the process handle only; `run` is called from one task at a time.
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var pending = Data()

    /// Whether a `python3` with the `sqlite3` module is in the search path.
    static let isAvailable: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", "import sqlite3"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            return false
        }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    struct Failure: Error {
        var text: String
    }

    init(_ path: String, timeout: Double = 20) throws {
        let program = """
            import sys, sqlite3, io, contextlib
            c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=float(sys.argv[2]))
            scope = {"c": c}
            for line in sys.stdin:
                out = io.StringIO()
                try:
                    with contextlib.redirect_stdout(out):
                        exec(line, scope)
                    text = "+" + out.getvalue().strip()
                except Exception as error:
                    text = "-" + repr(error)
                print(text.replace("\\n", " "), flush=True)
            """
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program, path, String(timeout)]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit { kill() }

    /// Ends the process without giving it a chance to tidy up.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Runs a line of code and returns what it printed.
    ///
    /// - Throws: ``Failure`` with the exception that it raised.
    @discardableResult
    func run(_ line: String) async throws -> String {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
        let answer = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try self.readLine() }) }
        }
        guard answer.hasPrefix("+") else { throw Failure(text: answer) }
        return String(answer.dropFirst())
    }

    private func readLine() throws -> String {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending = Data(pending[pending.index(after: end)...]) }
                return String(decoding: pending[..<end], as: UTF8.self)
            }
            let chunk = try output.fileHandleForReading.nextBytes()
            if chunk.isEmpty { return "-the process ended" }
            pending += chunk
        }
    }
}
