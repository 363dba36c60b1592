import NIOPosix
import Testing

@testable import ImageTransfer

@Suite struct SettingsTests {
    @Test(arguments: [
        ("10s", 10), ("500ms", 0.5), ("1h2m3.5s", 3723.5), ("0", 0), ("1m0s", 60), ("-1s", -1), ("7µs", 7e-6),
    ])
    func durationsAreThoseOfGo(text: String, seconds: Double) throws {
        #expect(abs(try #require(GoText.seconds(text)) - seconds) < 1e-12)
    }

    @Test(arguments: ["", "10", "s", "1x", "1.2.3s", "ten", "99999999999h"])
    func otherTextsAreNoDurations(text: String) { #expect(GoText.seconds(text) == nil) }

    @Test(arguments: [
        ("5Mi", 5_242_880), ("100M", 100_000_000), ("64Ki", 65_536), ("0", 0), ("1.5Gi", 1_610_612_736), ("12", 12),
    ])
    func quantitiesAreThoseOfKubernetes(text: String, value: Int64) { #expect(GoText.quantity(text) == value) }

    @Test(arguments: [
        (0.00618954, "6.18954ms"), (10, "10s"), (62.5, "1m2.5s"), (3723, "1h2m3s"), (0, "0s"), (1.5e-6, "1.5µs"),
        (2e-9, "2ns"),
    ])
    func durationsArePrintedAsGoPrintsThem(seconds: Double, text: String) {
        #expect(GoText.duration(seconds) == text)
    }

    @Test func defaultsAreThoseOfTheProgramWhoseVariablesAreSet() throws {
        let older = try DaemonSettings(environment: ["S3_ENDPOINT_URL": "http://s", "S3DAEMON_MAX_RETRIES": "junk"])
        #expect((older.port, older.parallel, older.tries) == (15555, 25, 2))
        let newer = try DaemonSettings(environment: [
            "S3ND_ENDPOINT_URL": "http://s", "S3ND_PORT": "15556", "S3ND_UPLOAD_MAX_PARALLEL": "0",
            "S3ND_UPLOAD_TIMEOUT": "1m",
        ])
        #expect((newer.port, newer.parallel, newer.tries, newer.partSize) == (15556, 100, 1, 5 << 20))
        #expect((newer.uploadTimeout, newer.queueTimeout) == (60, 10))
        #expect(throws: DaemonError.self) { try DaemonSettings(environment: [:]) }
        #expect(throws: DaemonError.self) {
            try DaemonSettings(environment: ["S3ND_ENDPOINT_URL": "x", "S3ND_UPLOAD_BWLIMIT": "fast"])
        }
    }

    @Test(arguments: [
        ("http://KEY:SECRET@host:1/path", "http://host:1/path"), ("http://host/a@b", "http://host/a@b"),
        ("https://host", "https://host"), ("http://K:S/3@host", "http://K:S/3@host"),
    ])
    func theAddressIsShownWithoutKeys(endpoint: String, shown: String) throws {
        let settings = try DaemonSettings(environment: ["S3_ENDPOINT_URL": endpoint])
        #expect(settings.shownEndpoint == shown)
        #expect(settings.reported[0].1 == shown)
    }

    @Test func numbersThatAreTooLargeAreBounded() throws {
        let settings = try DaemonSettings(environment: [
            "S3_ENDPOINT_URL": "http://s", "S3ND_UPLOAD_MAX_PARALLEL": String(Int.max),
            "S3DAEMON_CONNECT_TIMEOUT": "1e300", "LSST_HTTP_TIMEOUT_READ": "1e300",
        ])
        #expect(settings.connectTimeout == 86_400 && settings.parallel == 1_000_000_000)
        _ = try Destination(settings, loops: MultiThreadedEventLoopGroup.singleton, sockets: SocketWatch())
    }

    @Test(arguments: [
        ("/f al/b/k", "/f", "b", "k"), ("/f /b/k/l\r", "/f", "b", "k/l"), ("/f al/b/k/  ", "/f", "b", "k/"),
        ("/f al/b/\u{301}k", "/f", "b", "\u{301}k"), ("/f al/b/k\u{a0}\u{301}", "/f", "b", "k\u{a0}\u{301}"),
        ("/f al/b/k\u{a0} ", "/f", "b", "k"),
    ])
    func linesAreTakenApart(line: String, file: String, bucket: String, key: String) throws {
        let request = try LineRequest(line)
        #expect((request.file, request.bucket, request.key) == (file, bucket, key))
    }

    @Test(arguments: ["", "/f", "/f  a/b/k", "/f a/b", "/f a//k", "/f a/b/", "/f a/b/k x", "/f a/b/k \u{301}"])
    func otherLinesAreRefused(line: String) { #expect(throws: LineRequest.Problem.self) { try LineRequest(line) } }
}
