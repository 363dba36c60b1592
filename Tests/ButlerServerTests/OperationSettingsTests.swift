import Serving
import Testing

@testable import ButlerServer

@Suite struct OperationSettingsTests {
    private func options(_ text: String = "", _ environment: [String: String] = [:]) throws -> ServeOptions {
        try ServeOptions(
            repositories: ["x=/data/x"], environment: environment, file: try ServeFile(path: "serve.yaml", text: text))
    }

    @Test func theEnvironmentComesBeforeTheFileAndTheFileBeforeTheDefaults() throws {
        let text = "limits: {streams: 7, rows: 9}\ntimeouts: {query: 1.5, slow_reader: 0}\nlog_level: warning\n"
        let file = try options(text)
        #expect(file.queries.queue.running == 7 && file.queries.rows == 9)
        #expect(file.queries.stream == StreamLimits(time: .milliseconds(1500), waiting: nil))
        #expect(file.queries.queue.runningPerUser == 2 && file.serving.logLevel == .warning)
        let both = try options(text, ["STEWARD_LIMITS_STREAMS": "3", "STEWARD_TIMEOUTS_QUERY": "", "STEWARD_LOG_LEVEL": "debug"])
        #expect(both.queries.queue.running == 3 && both.queries.rows == 9 && both.serving.logLevel == .debug)
        #expect(both.queries.stream.time == .milliseconds(1500))
    }

    @Test(arguments: [
        ("limits: {steams: 1}", "did you mean 'limits.streams'?"), ("limit: {}", "did you mean 'limits'?"),
        ("limits: {query: 1}", "did you mean 'timeouts.query'?"), ("hots: x", "did you mean 'host'?"),
        ("entirely_different_thing: 1", "is not known."), ("limits: {streams: 0}", "whole number"),
        ("limits: {streams: 1.5}", "whole number"), ("timeouts: {query: soon}", "number of seconds"),
        ("timeouts: {query: -1}", "number of seconds"), ("tls: {certificate: a}", "tls.key"),
        ("log_level: loud", "'trace' or 'debug'"),
    ])
    func mistakesAreNamed(text: String, said: String) {
        let error = #expect(throws: ServeError.self) { try options(text) }
        #expect(error?.description.contains(said) == true, "\(error?.description ?? "")")
    }
}
