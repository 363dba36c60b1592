#if canImport(Glibc)
    import NIOCore
    import NIOPosix
    import StorageFaults
    import Testing

    @testable import ImageTransfer

    @Suite struct SocketWatchTests {
        @Test func theKernelsCountersAreSummedAndStayAfterTheEnd() async throws {
            let server = try await SmallServer { (200, $0.body) }
            let port = try #require(server.address.split(separator: ":").last.flatMap { Int($0) })
            let watch = SocketWatch()
            let names = [
                "bytes_acked", "bytes_received", "bytes_retrans", "bytes_sent", "dsack_dups", "fackets", "lost",
                "rcv_ooopack", "reord_seen", "retrans", "sacked", "total_retrans",
            ]
            #expect(SocketWatch.names == names)
            func counted(_ name: String) async -> UInt64 {
                await watch.counters()[names.firstIndex(of: name) ?? 0]
            }
            for number in 1...2 {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: port).get()
                watch.add(channel)
                let text = "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n"
                try await channel.writeAndFlush(
                    ByteBuffer(string: text + String(repeating: "x", count: 5000)))
                let sent = UInt64(number * (text.utf8.count + 5000))
                while await counted("bytes_acked") < sent { try await Task.sleep(for: .milliseconds(5)) }
                #expect(await counted("bytes_sent") == sent)
                while await counted("bytes_received") < UInt64(5000 * number) { try await Task.sleep(for: .milliseconds(5)) }
                try await channel.close()
                #expect(await counted("bytes_sent") == sent)
            }
            try await server.stop()
        }
    }
#endif
