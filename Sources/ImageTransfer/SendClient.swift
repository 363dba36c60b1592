import Foundation
import NIOCore
import NIOPosix

/// Asks a daemon to send a file, over the line protocol.
public struct SendClient: Sendable {
    public let host: String
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// The daemon's answer: `Success`, or what went wrong.
    ///
    /// - Parameter destination: `ALIAS/BUCKET/KEY`.
    /// - Throws: ``DaemonError/unreachable(host:port:reason:)``, also for a daemon that ends before it answers.
    public func send(_ file: String, to destination: String) async throws(DaemonError) -> String {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(10))
                .connect(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            let answer = try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: "\(file) \(destination)\n"))
                var answer = ""
                for try await part in inbound { answer += String(buffer: part) }
                return answer
            }
            guard !answer.isEmpty else {
                throw DaemonError.unreachable(host: host, port: port, reason: "it ended without an answer")
            }
            return answer
        } catch let error as DaemonError { throw error } catch {
            throw .unreachable(host: host, port: port, reason: "\(error)")
        }
    }
}
