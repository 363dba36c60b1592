import HummingbirdCore
import HummingbirdTLS
import NIOSSL

/// A certificate and its key, as files in PEM form.
public struct TLSFiles: Sendable, Equatable {
    /// The certificate, followed by those of the authorities between it and a known one.
    public var certificate: String
    public var key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// HTTP/1.1 behind TLS 1.2 or later. The files are read when the server starts; it throws a ``ServingError`` then.
    func server(_ http: HTTP1Channel.Configuration) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            try TLSChannel(
                HTTP1Channel(responder: responder, configuration: http), tlsConfiguration: try configuration())
        }
    }

    private func configuration() throws -> TLSConfiguration {
        func reading<Value>(_ path: String, _ body: () throws -> Value) throws(ServingError) -> Value {
            do {
                return try body()
            } catch {
                throw .badCertificate(path: path, reason: "\(error)")
            }
        }
        let chain = try reading(certificate) { try NIOSSLCertificate.fromPEMFile(certificate) }
        let privateKey = try reading(key) { try NIOSSLPrivateKey(file: key, format: .pem) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        // A key that does not belong to the certificate is found only here.
        _ = try reading(key) { try NIOSSLContext(configuration: configuration) }
        return configuration
    }
}
