import ArgumentParser
import ButlerServer
import EdgeCache
import Foundation
import ObjectStorage
import Serving

/// `steward cache`: near copies of what is far away.
struct CacheCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Keep near copies of distant files.", subcommands: [ServeCopies.self])

    func run() throws { throw MissingSubcommand(of: Self.self) }
}

/// `steward cache serve`: a read-through cache over HTTP.
struct ServeCopies: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the files of a distant store from copies on this machine.",
        discussion: """
            GET /PATH gives the object at PATH below the origin, with ranges; what is not here yet is fetched once, \
            however many ask for it. The origin is asked whether a file is still the same. Without --secret-file \
            whoever reaches the port can read the files: keep it inside a site. Butler servers lead their clients here \
            with the setting near_copies. Counters: GET /-/metrics.
            """)

    @Option(help: "The distant folder: s3://[PROFILE@]BUCKET/PREFIX, https://HOST/FOLDER, davs://HOST/FOLDER.")
    var origin: String

    @Option(help: "The folder for copies, or with --near for those that are on their way there.", completion: .directory)
    var folder: String

    @Option(help: "A nearby folder of a store that keeps the copies: s3://[PROFILE@]BUCKET/PREFIX, davs://HOST/FOLDER.")
    var near: String?

    @Option(
        help: "A file with one line of at least 16 characters, which Butler servers have too: only URLs that they signed are served.",
        completion: .file())
    var secretFile: String?

    @Option(help: "Gigabytes of copies that are kept.")
    var size: Double = 100

    @Option(help: "Days after which a copy that nobody has used goes.")
    var age: Double = 30

    @Option(help: "Seconds for which the origin is not asked again whether a file is the same.")
    var validity: Double = 10

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The TCP port; 0 takes a free one.")
    var port = 8081

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
        guard size > 0, size < 1e9, age > 0, age < 1e5, validity >= 0, validity < 1e6 else {
            throw ValidationError(
                "--size and --age must be greater than 0, --validity not less, and all be reasonable.")
        }
    }

    func run() async throws {
        let stores = ObjectStores(environment: ProcessInfo.processInfo.environment)
        let path = folder.hasPrefix("/") ? folder : FileManager.default.currentDirectoryPath + "/" + folder
        let cache = try EdgeCache(
            try stores.open(try ResourceURI(origin).asDirectory),
            EdgeCacheSettings(
                folder: path, maximumSize: Int64(size * 1e9), maximumAge: .seconds(age * 86_400),
                validity: .seconds(validity)),
            near: try near.map { try stores.open(try ResourceURI($0).asDirectory) },
            tell: { StandardStream.error.write("WARNING: \($0)\n") })
        let secret = try secretFile.map { try NearCopies.secret(readingFrom: $0) }
        try await EdgeCacheServer(cache, options: ServingOptions(host: host, port: port), secret: secret).run { port in
            StandardStream.output.write("listening on port \(port)\n")
        }
    }
}
