import Foundation
import ObjectStorage
import StructuredData
import Testing

@testable import ButlerServer

/// `deploy/butler.example.yaml` says that it has every setting, and that comments show defaults.
@Suite struct ExampleConfigurationTests {
    private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../deploy/butler.example.yaml").standardizedFileURL.path

    private static func text() throws -> String { try #require(try SmallFile.text(path)) }

    /// The text with the settings that are commented out.
    ///
    /// - Parameter omitted: sections and settings that stay comments.
    private static func complete(omitting omitted: Set<String> = []) throws -> String {
        var isOmitted = false
        return try text().split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let match = line.wholeMatch(of: /(\s*)# (\s*)([a-z0-9_]+):( .*)?/) else {
                if !line.hasPrefix("#") { isOmitted = false }
                return String(line)
            }
            if match.1.isEmpty, match.2.isEmpty { isOmitted = omitted.contains(String(match.3)) }
            return isOmitted ? String(line) : "\(match.1)\(match.2)\(match.3):\(match.4 ?? "")"
        }.joined(separator: "\n")
    }

    @Test func itHasEverySettingAndNoOther() throws {
        // An unknown setting is refused here.
        let file = try ServeFile(path: "example", text: try Self.complete())
        for key in ServeFile.keys.sorted() { #expect(file[key] != nil, "\(key)") }
    }

    @Test func itIsAcceptedAsItIs() throws {
        let file = try ServeFile(path: "example", text: try Self.text())
        let options = try ServeOptions(repositories: [], environment: [:], file: file)
        #expect(options.repositories.map(\.label) == ["dp1"])
        #expect(options.gafaelfawrURL == "https://data.example.org/auth")
    }

    @Test func commentsShowDefaults() throws {
        // These have none.
        let omitted: Set<String> = [
            "tokens", "static_files_path", "tls", "near_copies", "near_copies_secret_file",
        ]
        let plain = try ServeFile(path: "example", text: try Self.text())
        // That of S3 is chosen by region, unless it is set.
        let text = try Self.complete(omitting: omitted).replacing("s3_signature: v4", with: "s3_signature:")
        let complete = try ServeFile(path: "example", text: text)
        var (expected, found) = ("", "")
        dump(try ServeOptions(repositories: [], environment: [:], file: plain), to: &expected)
        dump(try ServeOptions(repositories: [], environment: [:], file: complete), to: &found)
        // Sets have no order.
        func lines(_ text: String) -> [Substring] { text.split(separator: "\n").sorted() }
        #expect(lines(found) == lines(expected))
        #expect(complete["limits.streams"] != nil && plain["limits.streams"] == nil)
    }

    @Test func tokensOfTheExampleAreComplete() throws {
        let text = try Self.complete(omitting: ["static_files_path", "tls"])
            .split(separator: "\n").filter { !$0.hasPrefix("gafaelfawr_url:") && !$0.hasPrefix("  secret_file: /run/secrets/butler/t") }
            .joined(separator: "\n")
        let options = try ServeOptions(
            repositories: [], environment: [:], file: try ServeFile(path: "example", text: text))
        let tokens = try #require(options.tokens)
        #expect(tokens.keys == .url("https://login.example.org/keys.json"))
        // The claims are shown as they are without being set.
        #expect(tokens.rules == TokenRules(issuer: tokens.rules.issuer, audience: tokens.rules.audience))
    }
}
