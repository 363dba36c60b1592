import NIOCore
import NIOHTTP1
import ObjectStorage

/// The line protocol: `FILE ALIAS/BUCKET/KEY`, one request a connection; the answer is `Success`, or the error as
/// Python prints it, which is what senders have in their logs. A connection that speaks HTTP gets other handlers.
final class LineHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let longest = 64 << 10
    private static let success = ByteBuffer(string: TransferService.success)

    private let daemon: TransferService
    private let silence: SilenceWatch
    private var received = ByteBuffer()
    private var isLine = false
    private var isAsked = false

    init(_ daemon: TransferService, _ silence: SilenceWatch) {
        self.daemon = daemon
        self.silence = silence
    }

    func handlerAdded(context: ChannelHandlerContext) { silence.watch(context) }
    func handlerRemoved(context: ChannelHandlerContext) { silence.forget(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAsked else { return }
        var buffer = unwrapInboundIn(data)
        if received.readableBytes == 0 { received = buffer } else { received.writeBuffer(&buffer) }
        let bytes = received.readableBytesView
        if !isLine {
            switch ConnectionSpeech(bytes) {
            case .http: return speakHTTP(context)
            case .line: isLine = true
            case nil: return
            }
        }
        guard let end = bytes.lastIndex(of: 0x0A) else {
            if bytes.count > Self.longest { answer(context, "ValueError('the request has no end')") }
            return
        }
        isAsked = true
        silence.forget(context)
        // The memory is used for what other connections send.
        defer { received = ByteBuffer() }
        guard let text = String(validating: bytes[..<end], as: UTF8.self) else {
            return answer(context, "UnicodeDecodeError('utf-8', b'', 0, 1, 'invalid start byte')")
        }
        let request: LineRequest
        do { request = try LineRequest(text) } catch { return answer(context, error.description) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        daemon.answer(request, on: context.eventLoop) { text in
            let (handler, context) = bound.value
            handler.answer(context, text)
        }
    }

    private func speakHTTP(_ context: ChannelHandlerContext) {
        do {
            let pipeline = context.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(UploadHandler(daemon, silence))
        } catch { return context.close(promise: nil) }
        let whole = received
        received = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(whole))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func answer(_ context: ChannelHandlerContext, _ text: String) {
        isAsked = true
        silence.forget(context)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let bytes = text == TransferService.success ? Self.success : ByteBuffer(string: text)
        context.writeAndFlush(wrapOutboundOut(bytes)).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The end of a request that never came; senders that wait for the answer may end their side.
        if !isAsked, event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A request of the line protocol.
struct LineRequest: Sendable, Hashable {
    let file: String
    let bucket: String
    let key: String

    struct Problem: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    /// - Parameter text: without the last line end. The alias before the bucket is ignored; it may be empty.
    init(_ text: String) throws(Problem) {
        var line = text[...]
        // Blanks at the end are rare.
        while !(line.utf8.last.map { (0x21...0x7E).contains($0) } ?? false), let last = line.unicodeScalars.last,
            last.properties.isWhitespace
        {
            line.unicodeScalars.removeLast()
        }
        // By bytes, as a mark may combine with what separates.
        let fields = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard fields.count == 2 else { throw Self.count(fields.count, expected: 2) }
        let parts = fields[1].split(separator: UInt8(ascii: "/"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw Self.count(parts.count, expected: 3) }
        guard !parts[1].isEmpty, !parts[2].isEmpty else {
            throw Problem(description: "ValueError('the destination names no bucket or no key')")
        }
        guard !text.utf8.contains(0) else { throw Problem(description: "ValueError('embedded null byte')") }
        (file, bucket, key) = (String(Substring(fields[0])), String(Substring(parts[1])), String(Substring(parts[2])))
    }

    private static func count(_ found: Int, expected: Int) -> Problem {
        Problem(
            description: found > expected
                ? "ValueError('too many values to unpack (expected \(expected))')"
                : "ValueError('not enough values to unpack (expected \(expected), got \(found))')")
    }
}

/// Errors in the form of Python's `repr`.
enum PythonError {
    static func text(_ error: any Error) -> String {
        switch error {
        case let failure as TransferFailure:
            switch failure.kind {
            case .queueTimeout: return "TimeoutError('the file waited too long for its turn')"
            case .stopping: return "ConnectionAbortedError(103, \(quoted(DaemonError.stopping.description)))"
            case .failed: return text(failure.error)
            }
        case ObjectStorageError.notFound(let path) where !path.hasPrefix("s3://"):
            return "FileNotFoundError(2, 'No such file or directory')"
        case ObjectStorageError.notAFile(let path) where !path.hasPrefix("s3://"):
            return "IsADirectoryError(21, 'Is a directory')"
        case ObjectStorageError.permissionDenied(let path, _) where !path.hasPrefix("s3://"):
            return "PermissionError(13, 'Permission denied')"
        case DaemonError.outsideRoots: return "PermissionError(1, \(quoted("\(error)")))"
        case DaemonError.spoolFull, DaemonError.spoolBroken: return "OSError(28, \(quoted("\(error)")))"
        case DaemonError.stopping: return "ConnectionAbortedError(103, \(quoted("\(error)")))"
        default: return "RuntimeError(\(quoted("\(error)")))"
        }
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        return escaped.contains("'") && !escaped.contains("\"")
            ? "\"\(escaped)\"" : "'\(escaped.replacing("'", with: "\\'"))'"
    }
}
