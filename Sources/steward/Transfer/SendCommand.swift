import ArgumentParser
import Foundation
import ImageTransfer

/// `steward send`: asks a transfer daemon to send one file.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Have a transfer daemon send a file to object storage.",
        discussion: """
            Waits until the file has arrived; says nothing then and ends with status 0. The daemon reads the file \
            itself, so its path must be one that the daemon can read.
            """)

    @Argument(help: "The file.", completion: .file())
    var file: String

    @Argument(help: "Where it goes, as ALIAS/BUCKET/KEY; the alias may be empty.")
    var destination: String

    @Option(help: "The daemon's host. (default: S3DAEMON_HOST, or localhost)")
    var host: String?

    @Option(help: "The daemon's port. (default: S3DAEMON_PORT, or 15555)")
    var port: Int?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard !file.contains(where: { $0 == " " || $0.isNewline }) else {
            throw UsageFailure("The path '\(file)' has blanks, which the daemon's protocol does not allow")
        }
        let path = file.hasPrefix("/") ? file : FileManager.default.currentDirectoryPath + "/" + file
        let client = SendClient(
            host: host ?? environment["S3DAEMON_HOST"] ?? "localhost",
            port: port ?? environment["S3DAEMON_PORT"].flatMap { Int($0) } ?? 15555)
        let answer = try await client.send(path, to: destination)
        guard answer.hasPrefix("Success") else { throw CommandFailure.refused(answer) }
    }
}
