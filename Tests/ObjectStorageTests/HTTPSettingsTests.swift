import Foundation
import Testing

@testable import ObjectStorage

/// Timeouts, certificates and identities come from the variables that boto3 and `lsst.resources` have.
@Suite struct HTTPSettingsTests {
    @Test func bundlesOfCertificatesAreNamedByTheFirstVariableThatIsSet() {
        let names = ["AWS_CA_BUNDLE", "LSST_HTTP_CACERT_BUNDLE", "REQUESTS_CA_BUNDLE"]
        var environment = Dictionary(uniqueKeysWithValues: names.map { ($0, "/\($0)") })
        for name in names {
            #expect(HTTPSettings(environment: environment).certificates == "/\(name)")
            environment[name] = ""
        }
        #expect(HTTPSettings(environment: environment) == HTTPSettings())
    }

    @Test func identitiesAreCertificatesWithTheirKeysOrProxiesThatHoldBoth() {
        #expect(
            HTTPSettings(environment: ["LSST_HTTP_AUTH_CLIENT_CERT": "/c", "LSST_HTTP_AUTH_CLIENT_KEY": "/k"]).identity
                == .init(certificate: "/c", key: "/k"))
        #expect(
            HTTPSettings(environment: ["X509_USER_PROXY": "/proxy"]).identity
                == .init(certificate: "/proxy", key: "/proxy"))
    }

    @Test func timeoutsAreSecondsAndNonsenseIsTheDefault() {
        let settings = HTTPSettings(
            environment: ["LSST_HTTP_TIMEOUT_CONNECT": "2.5", "LSST_HTTP_TIMEOUT_READ": "7"])
        #expect(settings.connectTimeout == .seconds(2.5) && settings.idleTimeout == .seconds(7))
        for text in ["", "x", "-1", "0"] {
            #expect(HTTPSettings(environment: ["LSST_HTTP_TIMEOUT_READ": text]).idleTimeout == HTTPSettings().idleTimeout)
        }
    }

    @Test func largeBodiesMayTakeLonger() {
        let settings = HTTPSettings()
        #expect(settings.timeout(sending: 64 << 20) == settings.requestTimeout)
        #expect(settings.timeout(sending: 500 << 20) == settings.requestTimeout)
        #expect(settings.timeout(sending: 10 << 30) == .seconds(10 << 10))
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("no certificate".utf8).write(to: URL(fileURLWithPath: folder + "/bad.pem"))
        for file in [folder + "/none.pem", folder + "/bad.pem"] {
            for name in ["AWS_CA_BUNDLE", "X509_USER_PROXY"] {
                do {
                    _ = try HTTPTransport(HTTPSettings(environment: [name: file]))
                    Issue.record("\(file) was taken")
                } catch {
                    #expect("\(error)".contains(file), "\(error)")
                }
            }
        }
    }
}
