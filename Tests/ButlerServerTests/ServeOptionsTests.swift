import ButlerServer
import Testing

@Suite struct ServeOptionsTests {
    private func labels(_ arguments: [String], _ environment: [String: String] = [:]) throws -> [String: String] {
        let options = try ServeOptions(repositories: arguments, environment: environment)
        return Dictionary(uniqueKeysWithValues: options.repositories.map { ($0.label, $0.configuration) })
    }

    @Test func aPlainPathIsLabelledByItsDirectory() throws {
        #expect(try labels(["/data/dp1/"]) == ["dp1": "/data/dp1/"])
        #expect(try labels(["repo/main/butler.yaml"]) == ["main": "repo/main/butler.yaml"])
        #expect(try labels(["s3://bucket/a=b/repo"]) == ["repo": "s3://bucket/a=b/repo"])
        #expect(try labels(["one=/data/x", "two=/data/x"]) == ["one": "/data/x", "two": "/data/x"])
        #expect(try labels(["./a=b"]) == ["a=b": "./a=b"])
    }

    @Test(arguments: [["="], ["x="], ["=y"], ["/"], ["."], [".."], ["butler.yaml"], ["a/x", "b/x"], ["..=/data"]])
    func argumentsWithoutAUsableLabelAreErrors(arguments: [String]) {
        #expect(throws: ServeError.self) { try labels(arguments) }
    }

    @Test func theEnvironmentIsThatOfThePythonServer() throws {
        let options = try ServeOptions(
            repositories: [],
            environment: [
                "DAF_BUTLER_SERVER_REPOSITORIES":
                    #"{"dp1": {"config_uri": "/r/butler.yaml", "authorized_groups": ["g", "h"]}}"#,
                "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "https://auth.example", "DAF_BUTLER_SERVER_AUTHENTICATION": "cadc",
            ])
        #expect(
            options.repositories == [
                .init(label: "dp1", configuration: "/r/butler.yaml", authorizedGroups: ["g", "h"])
            ])
        #expect(options.gafaelfawrURL == "https://auth.example")
        #expect(options.authentication == .cadc)
        let open = try ServeOptions(
            repositories: ["/r/x"], environment: ["DAF_BUTLER_SERVER_GAFAELFAWR_URL": "DISABLED"])
        #expect(open.gafaelfawrURL == nil)
        #expect(open.authentication == .rubinSciencePlatform)
    }

    @Test(arguments: [
        "", "[]", "{\"a\": {}}", "{\"a\": {\"config_uri\": 3}}", "{\"a\": {\"config_uri\": \"x\"}}",
        "{\"a\": {\"config_uri\": \"x\", \"authorized_groups\": [1]}}", "{}",
    ])
    func aBadVariableIsNamed(text: String) {
        let error = #expect(throws: ServeError.self) {
            try ServeOptions(repositories: [], environment: ["DAF_BUTLER_SERVER_REPOSITORIES": text])
        }
        #expect(error?.description.contains("DAF_BUTLER_SERVER_REPOSITORIES") == true)
    }

    @Test func anUnknownAuthenticationIsAnError() {
        #expect(throws: ServeError.self) {
            try ServeOptions(repositories: ["/r/x"], environment: ["DAF_BUTLER_SERVER_AUTHENTICATION": "none"])
        }
    }

    @Test(arguments: ["", "auth.example", "ftp://auth.example", "https://", "https://a b", "https://a?x=1"])
    func aBadGafaelfawrURLIsAnError(text: String) {
        let variables = ["DAF_BUTLER_SERVER_GAFAELFAWR_URL": text]
        if text.isEmpty {
            #expect(throws: Never.self) { try ServeOptions(repositories: ["/r/x"], environment: variables) }
        } else {
            #expect(throws: ServeError.self) { try ServeOptions(repositories: ["/r/x"], environment: variables) }
        }
    }

    @Test func theFileSaysTheSameAndTheEnvironmentComesFirst() throws {
        let file = try ServeFile(
            path: "serve.yaml",
            text: """
                host: 0.0.0.0
                port: 9000
                log_format: json
                repositories:
                  dp1: {config_uri: /data/dp1, authorized_groups: [g_users]}
                gafaelfawr_url: https://auth.example
                authentication: cadc
                static_files_path: /etc/butler
                signed_urls:
                  lifetime: 600
                  s3_signature: v4
                  secret_file: /run/secret
                """)
        let options = try ServeOptions(repositories: [], environment: [:], file: file)
        #expect(options.serving.host == "0.0.0.0" && options.serving.port == 9000)
        #expect(options.serving.logFormat == .json)
        #expect(
            options.repositories == [
                .init(label: "dp1", configuration: "/data/dp1", authorizedGroups: ["g_users"])
            ])
        #expect(options.gafaelfawrURL == "https://auth.example" && options.authentication == .cadc)
        #expect(options.staticFilesPath == "/etc/butler")
        #expect(options.signedURLs.lifetime == 600 && options.signedURLs.storageSignature == .v4)
        #expect(options.signedURLs.secretFile == "/run/secret")
        let changed = try ServeOptions(
            repositories: [], port: 1,
            environment: [
                "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "DISABLED", "STEWARD_SIGNED_URL_LIFETIME": "60",
                "STEWARD_S3_SIGNATURE": "v2", "DAF_BUTLER_SERVER_STATIC_FILES_PATH": "/other",
            ], file: file)
        #expect(changed.serving.port == 1 && changed.gafaelfawrURL == nil)
        #expect(changed.signedURLs.lifetime == 60 && changed.signedURLs.storageSignature == .v2)
        #expect(changed.staticFilesPath == "/other")
    }

    @Test(arguments: [
        "- a", "port: [", "colour: red", "signed_urls: {colour: red}", "signed_urls: 3", "port: 70000", "port: x",
        "signed_urls: {lifetime: 0}", "signed_urls: {lifetime: 604801}", "signed_urls: {s3_signature: v3}",
        "log_format: xml", "host: 3", "repositories: {a: {config_uri: x}}", "tokens:",
        "repositories: {a: {config_uri: x, authorized_groups: [], foo: 1}}",
    ])
    func aBadFileIsNamed(text: String) {
        let error = #expect(throws: ServeError.self) {
            let arguments = text.hasPrefix("repositories") ? [] : ["/r/x"]
            _ = try ServeOptions(
                repositories: arguments, environment: [:], file: try ServeFile(path: "my-serve.yaml", text: text))
        }
        #expect(error?.description.contains("my-serve.yaml") == true)
    }

    @Test(arguments: [
        ("DAF_BUTLER_SERVER_GAFAELFAWR_UR", "DAF_BUTLER_SERVER_GAFAELFAWR_URL"),
        ("STEWARD_LIMITS_STREMS", "STEWARD_LIMITS_STREAMS"), ("STEWARD_TOKEN_KEYSET", "STEWARD_TOKEN_KEY_SET"),
        ("STEWARD_TLS_CERT_KEY", "STEWARD_TLS_KEY"), ("STEWARD_TIMEOUTS_QUERRY", "STEWARD_TIMEOUTS_QUERY"),
    ])
    func aMistypedVariableIsAnError(name: String, meant: String) {
        let error = #expect(throws: ServeError.self) {
            try ServeOptions(repositories: ["/r/x"], environment: [name: "1"])
        }
        #expect(error?.description.contains("\(name) is no setting") == true)
        #expect(error?.description.hasSuffix("did you mean \(meant)?") == true)
    }

    @Test func variablesOfOthersAreLeftAlone() throws {
        let environment = ["STEWARD_BIN": "/x", "STEWARD_SERVICE_HOST": "10.0.0.1", "STEWARD_LIMITS_STREMS": ""]
        #expect(throws: Never.self) { try ServeOptions(repositories: ["/r/x"], environment: environment) }
    }

    @Test(arguments: ["limits: {streems: 1}", "signed_urls: {lifetime: 0}", "port: ["])
    func messagesEndWithOneMark(text: String) {
        let error = #expect(throws: ServeError.self) {
            _ = try ServeOptions(
                repositories: ["/r/x"], environment: [:], file: try ServeFile(path: "my-serve.yaml", text: text))
        }
        let text = error?.description ?? ""
        #expect(text.hasSuffix(".") || text.hasSuffix("?"))
        #expect(!text.hasSuffix("..") && !text.hasSuffix("?."), "\(text)")
    }
}
