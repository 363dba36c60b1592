import NIOCore
import NIOPosix
import Testing

@testable import ImageTransfer

/// One port has two protocols, and places for those who use them.
@Suite struct ConnectionSpeechTests {
    @Test func theFirstBytesTell() {
        func speech(_ text: String) -> ConnectionSpeech? {
            ConnectionSpeech(ByteBuffer(string: text).readableBytesView)
        }
        for method in ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"] {
            #expect(speech(method + " / HTTP/1.1\r\n") == .http)
            #expect(speech(method + "\n") == .line)
            for count in 0...method.count { #expect(speech(String(method.prefix(count))) == nil) }
        }
        for text in [
            "/data/image.fits al/bucket/key\n", "/", "PUS", "get / HTTP/1.1", "P\n", "\n", "\u{0}", "GETTING a/b/c\n",
        ] {
            #expect(speech(text) == .line, "\(text)")
        }
    }

    /// Stands for a handler that waits.
    private final class Waiting: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
    }

    @Test func whoSaysNothingForAWhileIsClosed() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let watch = SilenceWatch(group.next(), patience: .milliseconds(200))
        func connect(_ door: any Channel) async throws -> any Channel {
            try await ClientBootstrap(group: group).connect(to: #require(door.localAddress)).get()
        }
        let door = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let channels = [try await connect(door), try await connect(door), try await connect(door)]
        for channel in channels { try await channel.pipeline.addHandler(Waiting(), name: "waiting").get() }
        let start = ContinuousClock.now
        let bound = try await group.next().submit {
            let contexts = try channels.map { try $0.pipeline.syncOperations.context(name: "waiting") }
            for context in contexts { watch.watch(context) }
            // This one has said what it wants.
            watch.forget(contexts[1])
            return NIOLoopBound(contexts, eventLoop: group.next())
        }.get()
        for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(100))
            // This one says something again and again.
            try await group.next().submit { watch.watch(bound.value[2]) }.get()
        }
        try await channels[0].closeFuture.get()
        #expect(ContinuousClock.now - start >= .milliseconds(200))
        #expect(channels[1].isActive)
        try await channels[2].closeFuture.get()
        #expect(ContinuousClock.now - start >= .milliseconds(500))
        #expect(channels[1].isActive)
        try await group.shutdownGracefully()
    }
}
