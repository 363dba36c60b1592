import AsyncHTTPClient
import Felis
import Foundation
import NIOCore
import ObjectStorage

/// Reads schema files from web servers and object stores too.
struct RemoteSchemaFiles: SchemaFiles {
    private let local = LocalSchemaFiles()
    private let stores = ObjectStores(environment: ProcessInfo.processInfo.environment)

    /// A client that says at once when a server refuses connections.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()

    /// Seconds that a server may take for a whole file.
    private static let timeout: Int64 = 30

    func read(_ location: SchemaLocation) async throws -> [UInt8] {
        switch location.scheme {
        case "http", "https": try await page(location)
        case "s3", "gs", "dav", "davs": try await object(location)
        default: try await local.read(location)
        }
    }

    private func page(_ location: SchemaLocation) async throws -> [UInt8] {
        let request = HTTPClientRequest(url: location.text)
        do {
            let response = try await Self.client.execute(request, timeout: .seconds(Self.timeout))
            guard response.status == .ok else {
                throw SchemaFileError.unreadable(location.text, reason: "the server answers \(response.status)")
            }
            let body = try await response.body.collect(upTo: LocalSchemaFiles.sizeLimit)
            return Array(body.readableBytesView)
        } catch let error as SchemaFileError {
            throw error
        } catch is NIOTooManyBytesError {
            throw SchemaFileError.unreadable(
                location.text, reason: "it has more than \(LocalSchemaFiles.sizeLimit) bytes, the limit for a schema")
        } catch {
            throw SchemaFileError.unreadable(location.text, reason: "\(error)")
        }
    }

    private func object(_ location: SchemaLocation) async throws -> [UInt8] {
        do {
            let (store, path) = try stores.place(of: try ResourceURI(location.text))
            guard let status = try await store.stat(path) else { throw SchemaFileError.missing(location.text) }
            guard status.size <= LocalSchemaFiles.sizeLimit else {
                throw SchemaFileError.tooLarge(
                    location.text, bytes: Int(status.size), limit: LocalSchemaFiles.sizeLimit)
            }
            return try await store.read(path)
        } catch let error as SchemaFileError {
            throw error
        } catch {
            throw SchemaFileError.unreadable(location.text, reason: "\(error)")
        }
    }
}
