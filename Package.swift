// swift-tools-version: 6.3
import PackageDescription

// The module tree of docs/architecture.md: a target imports only targets declared above it.
let package = Package(
    name: "steward",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "steward", targets: ["steward"]),
        .library(name: "Butler", targets: ["Butler"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.20.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // System libraries
        .systemLibrary(name: "CERFA", pkgConfig: "erfa", providers: [.apt(["liberfa-dev"])]),
        .systemLibrary(name: "CFITSIO", pkgConfig: "cfitsio", providers: [.apt(["libcfitsio-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Foundation
        .target(name: "ByteText"),
        .target(name: "SkyGeometry", dependencies: ["ByteText"]),
        .target(name: "AstroTime", dependencies: ["CERFA"]),
        .target(name: "StructuredData", dependencies: ["ByteText", "Yams"]),
        .target(name: "TableRendering"),
        .target(
            name: "Database",
            dependencies: [
                "AstroTime", "ByteText",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(
            name: "ObjectStorage", dependencies: ["ByteText", .product(name: "Crypto", package: "swift-crypto")]),
        .target(
            name: "RepositoryConfiguration", dependencies: ["StructuredData"],
            resources: [.embedInCode("Defaults")]),
        .target(name: "FITS", dependencies: ["CFITSIO", "CZlib"]),
        .target(
            name: "Serving",
            dependencies: [
                "StructuredData",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),

        // Model
        .target(
            name: "ButlerModel",
            dependencies: [
                "SkyGeometry", "AstroTime", "ByteText", "StructuredData",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),

        .target(
            name: "QueryModel", dependencies: ["ButlerModel", "AstroTime", "SkyGeometry", "StructuredData", "ByteText"]),

        // Core
        .target(name: "Registry", dependencies: ["ButlerModel", "Database"]),
        .target(name: "Query", dependencies: ["QueryModel", "Registry"]),
        .target(
            name: "Datastore",
            dependencies: ["ButlerModel", "Database", "RepositoryConfiguration", "ObjectStorage", "FITS", "CZlib"]),

        // Clients
        .target(name: "Butler", dependencies: ["Registry", "QueryModel", "Query", "Datastore"]),

        // Services
        .target(name: "ButlerPage", resources: [.embedInCode("Assets")]),
        .target(
            name: "ButlerServer",
            dependencies: [
                "Butler", "ButlerPage", "FITS", "Serving",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        .target(name: "DemoSurvey", dependencies: ["Butler", "FITS"]),

        // Executable
        .executableTarget(
            name: "steward",
            dependencies: [
                "Butler", "ButlerServer", "DemoSurvey", "TableRendering",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // Probes that the interoperability tests in Interop drive
        .executableTarget(
            name: "butler-probe",
            dependencies: ["Butler", .product(name: "Crypto", package: "swift-crypto")], path: "Interop/ButlerProbe"),
        .executableTarget(
            name: "config-probe", dependencies: ["RepositoryConfiguration", "StructuredData"],
            path: "Interop/ConfigProbe"),
        .executableTarget(name: "fits-probe", dependencies: ["FITS"], path: "Interop/FITSProbe"),
        .executableTarget(
            name: "query-probe", dependencies: ["QueryModel", "StructuredData"], path: "Interop/QueryProbe"),
        .executableTarget(name: "sky-probe", dependencies: ["SkyGeometry"], path: "Interop/SkyProbe"),
        .executableTarget(name: "time-probe", dependencies: ["AstroTime"], path: "Interop/TimeProbe"),

        // Tests
        .testTarget(name: "SkyGeometryTests", dependencies: ["SkyGeometry"]),
        .testTarget(name: "AstroTimeTests", dependencies: ["AstroTime"]),
        .testTarget(name: "StructuredDataTests", dependencies: ["StructuredData"]),
        .testTarget(name: "TableRenderingTests", dependencies: ["TableRendering"]),
        .testTarget(name: "DatabaseTests", dependencies: ["Database"]),
        .testTarget(name: "ObjectStorageTests", dependencies: ["ObjectStorage"]),
        .testTarget(name: "RepositoryConfigurationTests", dependencies: ["RepositoryConfiguration"]),
        .testTarget(name: "FITSTests", dependencies: ["FITS"]),
        .testTarget(name: "ButlerModelTests", dependencies: ["ButlerModel"]),
        .testTarget(name: "QueryModelTests", dependencies: ["QueryModel", "RepositoryConfiguration"]),
        .testTarget(name: "RegistryTests", dependencies: ["Registry", "RepositoryConfiguration"]),
        .testTarget(name: "QueryTests", dependencies: ["Query", "Registry", "RepositoryConfiguration"]),
        .testTarget(
            name: "DatastoreTests",
            dependencies: ["Datastore", .product(name: "Crypto", package: "swift-crypto")]),
        .testTarget(name: "ButlerTests", dependencies: ["Butler", "QueryModel", "DemoSurvey"]),
        .testTarget(
            name: "ButlerServerTests",
            dependencies: [
                "ButlerServer", "DemoSurvey", "FITS", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "Serving", .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
