import NIOHTTP1
import StorageFaults
import Synchronization
import Testing

@testable import ObjectStorage

/// Keys that services hand out; the services are small ones of these tests.
@Suite struct RenewedKeysTests {
    @Test(arguments: ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])
    func webIdentityIsExchangedForKeys(variable: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let token = try scratch.file("token", Array("ident ity\n".utf8.filter { $0 != 32 }))
        let service = try await SmallServer { request in
            #expect(request.method == "POST" && request.body.contains("WebIdentityToken=identity"))
            #expect(request.body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx"))
            return (
                200,
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AK"
                    + "</AccessKeyId><SecretAccessKey>SK</SecretAccessKey><SessionToken>ST</SessionToken><Expiration>"
                    + "2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                    + "</AssumeRoleWithWebIdentityResponse>"
            )
        }
        let keys = try #require(
            try source([
                "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::1:role/x",
                variable: service.address,
            ]))
        let expected = S3Credentials(accessKeyID: "AK", secretAccessKey: "SK", sessionToken: "ST")
        // Many ask at once, the service is asked once.
        try await withThrowingTaskGroup(of: S3Credentials.self) { group in
            for _ in 0..<20 { group.addTask { try await keys.current() } }
            for try await found in group { #expect(found == expected) }
        }
        #expect(service.requests.count == 1)
        try await service.stop()
    }

    @Test func containersAndMachinesHandOutKeys() async throws {
        let document =
            #"{"AccessKeyId": "AK", "SecretAccessKey":"S\/K","Token" : "T", "Expiration": "2099-01-01T00:00:00Z"}"#
        let expected = S3Credentials(accessKeyID: "AK", secretAccessKey: "S/K", sessionToken: "T")
        let service = try await SmallServer { request in
            switch request.uri {
            case "/keys": (request.headers["authorization"].first == "secret" ? 200 : 403, document)
            case "/latest/api/token": (request.method == "PUT" ? 200 : 405, "TOKEN")
            case "/latest/meta-data/iam/security-credentials/":
                (request.headers["x-aws-ec2-metadata-token"].first == "TOKEN" ? 200 : 401, "role")
            case "/latest/meta-data/iam/security-credentials/role": (200, document)
            default: (404, "")
            }
        }
        for environment in [
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": service.address + "/keys",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret",
            ], ["AWS_EC2_METADATA_SERVICE_ENDPOINT": service.address],
        ] {
            let keys = try #require(try source(environment))
            #expect(try await keys.current() == expected)
        }
        #expect(try source(["AWS_EC2_METADATA_DISABLED": "true"]) == nil)
        let refused = try #require(try source(["AWS_CONTAINER_CREDENTIALS_FULL_URI": service.address + "/keys"]))
        await expectError({ if case .remote = $0 { true } else { false } }) { _ = try await refused.current() }
        try await service.stop()
    }

    @Test func keysAreRenewedBeforeTheyExpireAndAfterTheyAreRefused() async throws {
        let clock = Mutex<Int64>(0)
        let count = Mutex(0)
        let keys = RenewedS3Keys(now: { clock.withLock { $0 } }) {
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 3 { throw ObjectStorageError.notFound(path: "keys") }
            let end = clock.withLock { $0 } + 3600 * 1_000_000_000
            return .init(keys: S3Credentials(accessKeyID: "\(number)", secretAccessKey: "s"), expiration: end)
        }
        func current() async throws -> String { try await keys.current().accessKeyID }
        #expect(try await current() == "1")
        clock.withLock { $0 = 3200 * 1_000_000_000 }
        #expect(try await current() == "1")
        clock.withLock { $0 = 3400 * 1_000_000_000 }
        #expect(try await current() == "2")
        // A service that fails shortly before the end does no harm.
        clock.withLock { $0 = 6900 * 1_000_000_000 }
        #expect(try await current() == "2")
        #expect(try await current() == "4")
        let source = S3KeySource.renewed(keys)
        #expect(try await source.renew(after: keys.current()))
        #expect(try await current() == "5")
        #expect(try await !S3KeySource.fixed(keys.current()).renew(after: keys.current()))
    }

    /// In the middle of an upload, too: the request is made again with the new keys.
    @Test func requestsRefusedForExpiredKeysAreMadeAgain() async throws {
        let service = try await SmallServer { request in
            if request.headers["authorization"].first?.contains("Credential=1/") == true {
                return (400, "<Error><Code>ExpiredToken</Code></Error>")
            }
            return (200, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
        }
        let count = Mutex(0)
        let keys = RenewedS3Keys {
            let number = count.withLock { count in
                count += 1
                return count
            }
            return .init(keys: S3Credentials(accessKeyID: "\(number)", secretAccessKey: "s"), expiration: nil)
        }
        let unused = S3Credentials(accessKeyID: "x", secretAccessKey: "y")
        let client = S3Client(
            S3Service(endpoint: service.address, credentials: unused), keys: .renewed(keys),
            transport: try HTTPTransport())
        #expect(try await client.beginUpload(S3Location(bucket: "b", key: "k")) == "u")
        #expect(service.requests.count == 2)
        try await service.stop()
    }

    private func source(_ environment: [String: String]) throws -> RenewedS3Keys? {
        S3KeyServices(environment: environment, transport: try HTTPTransport()).source(region: "us-east-1")
    }
}
