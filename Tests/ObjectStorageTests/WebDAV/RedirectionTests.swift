import NIOHTTP1
import Testing

@testable import ObjectStorage

/// Where servers send their clients (RFC 9110, sections 15.4 and 10.2.2).
@Suite struct RedirectionTests {
    @Test(arguments: [
        ("http://h:1/a/b?q=1", "https://other/x", "https://other/x"), ("http://h:1/a/b?q=1", "/x?y", "http://h:1/x?y"),
        ("http://h:1/a/b?q=1", "x", "http://h:1/a/x"), ("http://h:1/a/b?q=/1", "x:y/z", nil),
        ("http://h:1/a/b?q=/1", "./x:y", "http://h:1/a/./x:y"), ("http://h:1/a/b?q=1", "?r", "http://h:1/a/b?r"),
        ("https://h", "x", "https://h/x"), ("https://h/a/", "//other/x", "https://other/x"),
        ("https://h/a/", "ftp://other/x", nil),
    ])
    func targetsAreReadAgainstTheAddressThatAnswered(url: String, location: String, target: String?) {
        let headers: HTTPHeaders = ["location": location]
        for status in [301, 302, 307, 308] {
            #expect(WebDAVClient.redirection(status, headers, of: url, .PUT) == target)
        }
        #expect(WebDAVClient.redirection(303, headers, of: url, .GET) == target)
        #expect(WebDAVClient.redirection(303, headers, of: url, .PUT) == nil)
        #expect(WebDAVClient.redirection(200, headers, of: url, .GET) == nil)
        #expect(WebDAVClient.redirection(302, [:], of: url, .GET) == nil)
    }
}
