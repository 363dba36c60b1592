import Testing

@testable import ObjectStorage

@Suite struct S3ServicesTests {
    private static let credentialsFile = """
        # a comment
        [default]
        aws_access_key_id = FILEKEY
        aws_secret_access_key=file=secret
        [science]
        AWS_ACCESS_KEY_ID=SCIENCEKEY
        aws_secret_access_key = science/secret
        aws_session_token = science-token
        [half]
        aws_access_key_id = HALF
        """
    private static let configurationFile = """
        [default]
        region = us-west-2
        [profile science]
        region=eu-west-1
        endpoint_url = https://science.example/
        s3 =
            addressing_style = path
            region = nonsense
        [science]
        region = ignored
        """

    private static func services(_ environment: [String: String], files: Bool = true) -> S3Services {
        S3Services(
            environment: environment, credentialsFile: files ? credentialsFile : "",
            configurationFile: files ? configurationFile : "")
    }

    private static let keys = ["AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "env-secret"]

    struct Case: Sendable {
        let environment: [String: String]
        var profile: String?
        let endpoint: String?
        let region: String
        let key: String
        let secret: String
        var token: String?
    }

    static let cases: [Case] = [
        Case(environment: keys, endpoint: nil, region: "us-west-2", key: "ENVKEY", secret: "env-secret"),
        Case(environment: [:], endpoint: nil, region: "us-west-2", key: "FILEKEY", secret: "file=secret"),
        Case(
            environment: keys.merging(["S3_ENDPOINT_URL": "https://S3.Example:9000/", "AWS_DEFAULT_REGION": "x"]) {
                $1
            },
            endpoint: "https://s3.example:9000", region: "x", key: "ENVKEY", secret: "env-secret"),
        Case(
            environment: keys.merging(["AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL": "http://a/b/"]) { $1 },
            endpoint: "http://a/b", region: "us-west-2", key: "ENVKEY", secret: "env-secret", token: "t"),
        Case(
            environment: ["S3_ENDPOINT_URL": "https://K%2FEY:s%2Fecret@host"], endpoint: "https://host",
            region: "us-west-2", key: "K/EY", secret: "s/ecret"),
        Case(
            environment: ["AWS_PROFILE": "science"], endpoint: "https://science.example", region: "eu-west-1",
            key: "SCIENCEKEY", secret: "science/secret", token: "science-token"),
        // A named profile is not served by the keys of the environment.
        Case(
            environment: keys, profile: "science", endpoint: "https://science.example", region: "eu-west-1",
            key: "SCIENCEKEY", secret: "science/secret", token: "science-token"),
        Case(
            environment: [
                "LSST_RESOURCES_S3_PROFILE_mine": "https://A:B@mine.example", "S3_ENDPOINT_URL": "https://x",
            ],
            profile: "mine", endpoint: "https://mine.example", region: "us-west-2", key: "A", secret: "B"),
        Case(
            environment: ["LSST_RESOURCES_S3_PROFILE_science": "https://other.example"], profile: "science",
            endpoint: "https://other.example", region: "eu-west-1", key: "SCIENCEKEY", secret: "science/secret",
            token: "science-token"),
        Case(
            environment: ["S3_ENDPOINT_URL": "https://A:B@common.example"], profile: "unheard",
            endpoint: "https://common.example", region: "us-west-2", key: "A", secret: "B"),
    ]

    @Test(arguments: cases)
    func aServiceIsFoundAsThePythonLibrariesFindIt(example: Case) throws {
        let service = try Self.services(example.environment).service(example.profile)
        #expect(service.endpoint == example.endpoint)
        #expect(service.region == example.region)
        #expect(service.credentials.accessKeyID == example.key)
        #expect(service.credentials.secretAccessKey == example.secret)
        #expect(service.credentials.sessionToken == example.token)
    }

    @Test func missingCredentialsAreErrorsThatSayWhatToDo() {
        #expect(throws: S3Error.noCredentials(profile: nil)) { try Self.services([:], files: false).service(nil) }
        #expect(throws: S3Error.unknownProfile("nope")) { try Self.services(Self.keys).service("nope") }
        #expect(throws: S3Error.noCredentials(profile: "half")) { try Self.services(Self.keys).service("half") }
    }

    @Test(arguments: [
        "s3.example", "ftp://host", "https://@", "https://key@host", "https://a:b:c@host", "https://:b@host",
        "https://a:@host", "https://ho st",
    ])
    func aBadEndpointIsNamedWithoutItsSecrets(text: String) {
        let error = #expect(throws: S3Error.self) { try Self.services(["S3_ENDPOINT_URL": text]).service(nil) }
        #expect(error?.description.contains("S3_ENDPOINT_URL") == true)
        #expect(error?.description.contains(text) == false)
    }

    @Test func secretsAreNotPrinted() throws {
        let service = try Self.services([:]).service("science")
        var text = ""
        dump(service.credentials.description, to: &text)
        for shown in ["\(service.credentials)", "\(service)", String(reflecting: service), text] {
            #expect(!shown.contains("science/secret") && !shown.contains("science-token"))
        }
    }

    @Test(arguments: [
        ("s3://bucket/a%20b/c%2Bd.json", nil, "bucket", "a b/c+d.json"),
        ("s3://science@bucket/k#zip-path=x", "science", "bucket", "k"),
        ("s3://p@tenant:bucket/k", "p", "tenant:bucket", "k"),
        ("s3://tenant:bucket/k", nil, "tenant:bucket", "k"),
        ("s3://bucket//a//./b/", nil, "bucket", "a//./b/"), ("s3://bucket/a/../b", nil, "bucket", "a/../b"),
    ])
    func locationsAreReadAsThePythonLibraryReadsThem(uri: String, profile: String?, bucket: String, key: String) throws
    {
        #expect(
            try S3Location(ResourceURI(uri)) == S3Location(profile: profile, bucket: bucket, key: key))
    }

    @Test(arguments: ["s3://bucket/", "s3://bucket", "s3:///key", "https://host/key", "s3://p@/key"])
    func locationsWithoutBucketOrKeyAreErrors(uri: String) {
        #expect(throws: S3Error.self) { try S3Location(ResourceURI(uri)) }
    }
}
