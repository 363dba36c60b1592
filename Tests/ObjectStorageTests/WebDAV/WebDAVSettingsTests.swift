import Foundation
import Testing

@testable import ObjectStorage

/// The file of settings that Python's clients of `dav` locations have.
@Suite struct WebDAVSettingsTests {
    private func settings(_ yaml: String, _ more: [String: String] = [:]) throws -> WebDAVSettings {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let file = try scratch.file("dav.yaml", Array(yaml.utf8))
        return try WebDAVSettings(environment: more.merging([WebDAVSettings.variable: file]) { $1 })
    }

    @Test func eachServerHasItsOwn() throws {
        let known = try settings(
            """
            - base_url: "davs://one.example.org:1234/"
              user_cert: "${X509_USER_PROXY}"
              trusted_authorities: /etc/grid
              timeout_connect: 20.0
              timeout_read: 120
              retries: 2
              token: /secret/$NAME/token
              buffer_size: 5
            - base_url: dav://two.example.org/
              user_name: user
              user_password: word
            """, ["X509_USER_PROXY": "/proxy", "NAME": "me"])
        let one = try #require(known.server(of: ResourceURI("davs://one.example.org:1234/some/folder/")))
        #expect(one.authorization == .bearerFile("/secret/me/token"))
        #expect(one.http.identity == .init(certificate: "/proxy", key: "/proxy"))
        #expect(one.http.certificates == "/etc/grid" && one.http.retries.attempts == 3)
        #expect(one.http.connectTimeout == .seconds(20) && one.http.idleTimeout == .seconds(120))
        let two = try #require(known.server(of: ResourceURI("http://Two.example.org/x")))
        #expect(two.authorization == .basic(user: "user", password: "word"))
        #expect(two.http.idleTimeout == .seconds(300))
        #expect(try known.server(of: ResourceURI("dav://one.example.org:1234/")) == nil)
        #expect(try known.server(of: ResourceURI("davs://one.example.org/")) == nil)
        #expect(try WebDAVSettings(environment: [:]).server(of: ResourceURI("dav://two.example.org/")) == nil)
    }

    @Test(arguments: [
        ("base_url: x", "list"), ("- user_name: x", "base_url"), ("- [", "YAML"),
        ("- {base_url: 'dav://a/', timeout_read: soon}", "timeout_read"),
        ("- {base_url: 'dav://a/', token: [1]}", "token"),
        ("- base_url: dav://a/\n- base_url: dav://a/", "two entries"),
    ])
    func whatIsWrongIsNamed(yaml: String, word: String) throws {
        do {
            _ = try settings(yaml)
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains(word) && "\(error)".contains(WebDAVSettings.variable), "\(error)")
        }
    }
}
