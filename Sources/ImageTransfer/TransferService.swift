import Foundation
import NIOCore
import ObjectStorage
import StructuredData

/// Answers requests of both protocols.
final class TransferService: Sendable {
    /// The answer to a line whose file has arrived.
    static let success = "Success"

    private let dispatcher: Dispatcher
    private let settings: DaemonSettings
    private let metrics: DaemonMetrics
    private let sockets: SocketWatch
    private let version: String

    init(_ dispatcher: Dispatcher, metrics: DaemonMetrics, sockets: SocketWatch, version: String) {
        self.dispatcher = dispatcher
        settings = dispatcher.settings
        self.metrics = metrics
        self.sockets = sockets
        self.version = version
    }

    /// Where a request is answered: on the loop that has read it, where nothing has to wake another thread; on threads
    /// that may block as long as the disks of spool or log make waits.
    func executor(_ loop: any EventLoop) -> any TaskExecutor {
        dispatcher.isQuick ? LoopExecutor.of(loop) : POSIXObjectStore.sharedPool
    }

    /// Answers a line that a loop has read.
    ///
    /// - Parameter tell: called on the loop.
    func answer(_ request: LineRequest, on loop: any EventLoop, then tell: @escaping @Sendable (String) -> Void) {
        func begin(_ executor: any TaskExecutor) {
            dispatcher.transfer(request.file, bucket: request.bucket, key: request.key, on: executor) { result in
                var text = Self.success
                if case .failure(let error) = result { text = PythonError.text(error) }
                if loop.inEventLoop { tell(text) } else { loop.execute { [text] in tell(text) } }
            }
        }
        let executor = executor(loop)
        if executor is LoopExecutor {
            begin(executor)
        } else {
            Task(executorPreference: executor) { begin(executor) }
        }
    }

    func answer(_ request: UploadRequest, on executor: any TaskExecutor) async -> UploadAnswer {
        switch request.path {
        case "/upload": return await upload(request, executor)
        case "/version":
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("version")
            writer.value(version)
            writer.key("config")
            writer.beginObject()
            for (name, value) in settings.reported {
                writer.key(name)
                writer.value(value)
            }
            writer.endObject()
            writer.endObject()
            return UploadAnswer(status: 200, body: writer.bytes)
        case "/metrics":
            let text = metrics.text(
                waiting: dispatcher.waitingCounts, uploads: dispatcher.activeCount,
                tcp: await sockets.counters())
            return UploadAnswer(status: 200, type: "text/plain; version=0.0.4", body: Array(text.utf8))
        default: return UploadAnswer(status: 404, type: "text/plain", body: Array("404 page not found\n".utf8))
        }
    }

    private func upload(_ request: UploadRequest, _ executor: any TaskExecutor) async -> UploadAnswer {
        let id = UUID.random()
        // Forms may be long, and whether the file is there may take long to find out.
        let (fields, parsed) = await withTaskExecutorPreference(POSIXObjectStore.sharedPool) { request.parsed() }
        func task(_ report: TransferReport = TransferReport(), succeeded: Bool = false) -> TaskDocument {
            TaskDocument(
                id: id, uri: fields["uri"] ?? "", file: fields["file"] ?? "", slug: fields["slug"], report,
                succeeded: succeeded)
        }
        let form: UploadRequest.Form
        do { form = try parsed.get() } catch { return .message(400, error.message, task: task()) }
        do {
            guard form.waits else {
                try await dispatcher.enqueue(
                    form.file, bucket: form.bucket, key: form.key, uri: form.uri, slug: form.slug,
                    priority: form.priority, id: id)
                return .message(202, "upload accepted", task: task())
            }
            let report = try await dispatcher.transfer(
                form.file, bucket: form.bucket, key: form.key, uri: form.uri, slug: form.slug,
                priority: form.priority, id: id, timesOut: true, on: executor)
            return .message(200, "upload succeeded", task: task(report, succeeded: true))
        } catch let failure as TransferFailure {
            let document = task(failure.report, succeeded: false)
            switch failure.kind {
            case .queueTimeout:
                return .message(504, "upload queue timeout: context deadline exceeded", task: document)
            case .failed where failure.error is DaemonError:
                return .message(403, "\(failure.error)", task: document)
            case .stopping: return .message(503, DaemonError.stopping.description, task: document)
            case .failed(let attempt, let tries):
                return .message(500, message(failure.error, form, "\(attempt)/\(tries)"), task: document)
            }
        } catch DaemonError.outsideRoots(let path) {
            return .message(403, DaemonError.outsideRoots(path: path).description, task: task())
        } catch { return .message(503, "\(error)", task: task()) }
    }

    private func message(_ error: any Error, _ form: UploadRequest.Form, _ attempt: String) -> String {
        switch error {
        case ObjectStorageError.remote(_, _, 404, "NoSuchBucket", _):
            "upload failed because the bucket \(form.bucket) does not exist: \(error)"
        case ObjectStorageError.notFound(form.file), ObjectStorageError.permissionDenied(form.file, _):
            "Could not open file \(form.file): \(error)"
        case ObjectStorageError.unreachable(_, _, let reason)
        where reason.contains("too long") || reason.contains("silent"):
            "upload attempt \(attempt) timeout: \(error)"
        default: "unknown error during upload attempt \(attempt): \(error)"
        }
    }
}
