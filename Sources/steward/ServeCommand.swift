import ArgumentParser
import ButlerServer
import Foundation
import Serving

/// `steward serve`: repositories over HTTP, for the Python `Butler` and others.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve repositories over HTTP to remote Butler clients.",
        discussion: """
            Without --repo the repositories of DAF_BUTLER_SERVER_REPOSITORIES or of the --config file are served. A Python client opens
            http://HOST:PORT/api/butler/repo/LABEL with Butler(...); it wants an access token, for which a server
            without an ingress takes any text: set BUTLER_RUBIN_ACCESS_TOKEN=local.
            """)

    @Option(
        name: .customLong("repo"),
        help: "A repository as LABEL=URI, or as a path or URI, labelled by its directory. May be repeated.")
    var repositories: [String] = []

    @Option(help: "A YAML file with settings; the command line and the environment come first.")
    var config: String?

    @Option(help: "The address to listen on. (default: 127.0.0.1)")
    var host: String?

    @Option(help: "The TCP port; 0 takes a free one and logs it. (default: 8080)")
    var port: Int?

    @Option(help: "The form of log lines on standard error: line or json. (default: line)")
    var logFormat: LogFormat?

    @Flag(help: "Print what to try with the first repository, once it is served.")
    var showExamples = false

    func validate() throws {
        guard port.map((0...65535).contains) ?? true else { throw ValidationError("--port must be from 0 to 65535.") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let options = try ServeOptions(
            repositories: repositories, host: host, port: port, logFormat: logFormat, environment: environment,
            file: try config.map { try ServeFile(readingFrom: $0) })
        var examples: ServeExamples?
        if showExamples, let first = options.repositories.first { examples = try await ServeExamples(first) }
        let shown = examples
        try await ButlerServer.run(options) { [host = options.serving.host] port in
            if let shown { print(shown.text(host: host, port: port)) }
            fflush(nil)
        }
    }
}

extension LogFormat: ExpressibleByArgument {}
