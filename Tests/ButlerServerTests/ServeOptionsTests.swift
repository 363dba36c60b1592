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
        #expect(options.access == .gafaelfawr)
        #expect(options.authentication == .cadc)
        let open = try ServeOptions(
            repositories: ["/r/x"], environment: ["DAF_BUTLER_SERVER_GAFAELFAWR_URL": "DISABLED"])
        #expect(open.access == .open)
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
}
