#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard output or standard error, written to without buffering: callers collect what belongs together.
struct StandardStream: Sendable {
    let descriptor: Int32

    static let output = StandardStream(descriptor: STDOUT_FILENO)
    static let error = StandardStream(descriptor: STDERR_FILENO)

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Whether text may be coloured: only for people (a terminal that is not `dumb`), and not if `NO_COLOR` is set to
    /// anything (see no-color.org).
    var takesColour: Bool {
        guard isTerminal else { return false }
        if let refusal = getenv("NO_COLOR"), refusal.pointee != 0 { return false }
        guard let kind = getenv("TERM") else { return true }
        return String(cString: kind) != "dumb"
    }

    /// The number of columns of the terminal; 80 when it does not say.
    var width: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes all of the text. Returns false when the stream is closed or full, which ends the program's output but
    /// is for the caller to judge.
    @discardableResult
    func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[rest.indices])
                    .withUnsafeBytesToWrite(descriptor)
                if count < 0 {
                    if errno == EINTR { continue }
                    return false
                }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func withUnsafeBytesToWrite(_ descriptor: Int32) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, baseAddress, count)
        #else
            Darwin.write(descriptor, baseAddress, count)
        #endif
    }
}

/// What a command prints on standard output, collected and written in few pieces.
struct CommandOutput: ~Copyable {
    private var pending = ""
    private let colours = StandardStream.output.takesColour

    mutating func line(_ text: String = "") throws {
        pending += text
        pending += "\n"
        if pending.utf8.count > 1 << 16 { try flush() }
    }

    /// Prints a table's lines, its header in bold on a terminal.
    mutating func lines(_ lines: [String], headerCount: Int) throws {
        for (index, text) in lines.enumerated() {
            try line(colours && index < headerCount ? "\u{1B}[1m\(text)\u{1B}[0m" : text)
        }
    }

    /// Writes what has been collected so far.
    mutating func flush() throws {
        guard !pending.isEmpty else { return }
        let text = pending
        pending = ""
        guard StandardStream.output.write(text) else {
            throw CommandFailure.cannotWrite("standard output", reason: String(cString: strerror(errno)))
        }
    }
}
