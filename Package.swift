// swift-tools-version: 6.3
import Foundation
import PackageDescription

/// Where Apache Arrow C++ is: the folder that `STEWARD_ARROW` names (of the Python package pyarrow, or a prefix with
/// `include` and `lib`), else that of the package's own Python environment, else the system's.
struct Arrow {
    var compiler: [String] = []
    var linker = ["-larrow", "-lparquet"]

    static let found: Arrow? = {
        let files = FileManager.default
        func isThere(_ path: String) -> Bool { files.fileExists(atPath: path) }
        var folders: [String] = []
        if let named = Context.environment["STEWARD_ARROW"] {
            guard !named.isEmpty else { return nil }
            folders = [named]
        } else {
            let libraries = Context.packageDirectory + "/.venv/lib"
            let versions = ((try? files.contentsOfDirectory(atPath: libraries)) ?? []).sorted()
            folders = versions.map { "\(libraries)/\($0)/site-packages/pyarrow" }
        }
        for folder in folders where isThere(folder + "/include/parquet/arrow/reader.h") {
            let libraries = isThere(folder + "/lib") ? folder + "/lib" : folder
            let names = ((try? files.contentsOfDirectory(atPath: libraries)) ?? []).sorted()
            // The Python package has its libraries under versioned names only, which the linker takes by path.
            let paths = ["libarrow.", "libparquet."].compactMap { start in
                names.first { $0.hasPrefix(start) && !$0.hasSuffix(".a") && !$0.hasSuffix(".cmake") }
            }
            guard paths.count == 2 else { continue }
            return Arrow(
                compiler: ["-isystem", folder + "/include"],
                linker: paths.map { "\(libraries)/\($0)" } + ["-Xlinker", "-rpath", "-Xlinker", libraries])
        }
        return isThere("/usr/include/parquet/arrow/reader.h") ? Arrow() : nil
    }()
}

// The module tree of docs/architecture.md: a target imports only targets declared above it.
let package = Package(
    name: "steward",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "steward", targets: ["steward"]),
        .library(name: "Butler", targets: ["Butler"]),
        // What the program loads when it first needs Parquet.
        .library(name: "StewardArrow", type: .dynamic, targets: ["StewardArrow"]),
    ],
    traits: [
        .trait(name: "Parquet", description: "Tables in Parquet files, through Apache Arrow C++."),
        .default(enabledTraits: Arrow.found == nil ? [] : ["Parquet"]),
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
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Loaded when it is first needed
        .target(name: "CFITSIO", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "CLibPQ", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),

        // Foundation
        .target(name: "ByteText"),
        .target(name: "SkyGeometry", dependencies: ["ByteText"]),
        .target(name: "AstroTime", dependencies: ["CERFA"]),
        .target(name: "StructuredData", dependencies: ["ByteText", "Yams"]),
        .target(name: "TableRendering"),
        .target(name: "Tables", dependencies: ["ByteText", "StructuredData"]),
        .target(
            name: "Database",
            dependencies: [
                "AstroTime", "ByteText", "CJournalBuffer", "CLibPQ", "CSQLite",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(name: "CDigestLanes"),
        .target(name: "CJournalBuffer", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "CFileCache"),
        .target(
            name: "ObjectStorage",
            dependencies: [
                "ByteText", "CDigestLanes", "CFileCache", "StructuredData",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(
            name: "RepositoryConfiguration", dependencies: ["ByteText", "StructuredData"],
            resources: [.embedInCode("Defaults")]),
        .target(name: "FITS", dependencies: ["CFITSIO", "CZlib"]),
        .target(
            name: "CArrow", cxxSettings: [.define("STEWARD_PARQUET", .when(traits: ["Parquet"]))],
            linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(
            name: "StewardArrow",
            cxxSettings: [
                .headerSearchPath("../CArrow"), .headerSearchPath("../CArrow/include"),
                .define("STEWARD_PARQUET", .when(traits: ["Parquet"])),
                .unsafeFlags(Arrow.found?.compiler ?? [], .when(traits: ["Parquet"])),
            ],
            linkerSettings: [
                // Nothing in it is Swift; without these it would need the Swift runtime of the machine that built it.
                .unsafeFlags(["-static-stdlib", "-nostartfiles"], .when(platforms: [.linux])),
                .unsafeFlags(Arrow.found?.linker ?? [], .when(traits: ["Parquet"])),
            ]),
        .target(name: "Parquet", dependencies: ["ByteText", "CArrow", "Tables", "StructuredData"]),
        .target(
            name: "Serving",
            dependencies: [
                "ByteText", "StructuredData",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"),
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
        .target(name: "Registry", dependencies: ["ButlerModel", "ByteText", "Database"]),
        .target(name: "Query", dependencies: ["ByteText", "QueryModel", "Registry"]),
        .target(
            name: "Datastore",
            dependencies: [
                "ButlerModel", "ByteText", "Database", "RepositoryConfiguration", "ObjectStorage", "FITS", "Tables", "Parquet",
                "CZlib",
            ]),

        // Clients
        .target(name: "Butler", dependencies: ["ByteText", "Registry", "QueryModel", "Query", "Datastore", "FITS", "Tables"]),

        // Services
        .target(name: "ButlerPage", resources: [.embedInCode("Assets")]),
        .target(
            name: "ButlerServer",
            dependencies: [
                "Butler", "ButlerPage", "ByteText", "FITS", "Parquet", "Serving", "Tables",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        .target(name: "DemoSurvey", dependencies: ["Butler", "Database", "FITS", "Registry"]),
        .target(
            name: "EdgeCache",
            dependencies: [
                "ByteText", "ObjectStorage", "Serving", .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "Hummingbird", package: "hummingbird"),
            ]),
        .target(
            name: "ImageTransfer",
            dependencies: [
                "ByteText", "ObjectStorage", "Serving", "StructuredData",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),

        // Science data models
        .target(name: "Felis", dependencies: ["StructuredData"]),
        .target(name: "FelisSite", dependencies: ["Felis", "StructuredData"], resources: [.embedInCode("Assets")]),
        .target(name: "FelisDatabase", dependencies: ["Felis", "Database", "Parquet", "StructuredData", "Tables"]),

        // Executable
        .executableTarget(
            name: "steward",
            dependencies: [
                "Butler", "ButlerServer", "ByteText", "CMalloc", "DemoSurvey", "EdgeCache", "Felis", "FelisDatabase",
                "FelisSite", "ImageTransfer", "ObjectStorage", "TableRendering",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),

        // Probes that the interoperability tests in Interop drive
        .executableTarget(
            name: "butler-probe",
            dependencies: ["Butler", "FITS", "Tables", .product(name: "Crypto", package: "swift-crypto")],
            path: "Interop/ButlerProbe"),
        .executableTarget(
            name: "config-probe", dependencies: ["RepositoryConfiguration", "StructuredData"],
            path: "Interop/ConfigProbe"),
        .executableTarget(name: "fits-probe", dependencies: ["FITS"], path: "Interop/FITSProbe"),
        .executableTarget(
            name: "query-probe", dependencies: ["QueryModel", "StructuredData"], path: "Interop/QueryProbe"),
        .executableTarget(name: "table-probe", dependencies: ["Parquet", "StructuredData", "Tables"], path: "Interop/TableProbe"),
        .executableTarget(name: "sky-probe", dependencies: ["SkyGeometry"], path: "Interop/SkyProbe"),
        .executableTarget(name: "time-probe", dependencies: ["AstroTime"], path: "Interop/TimeProbe"),

        // What Benchmarks times inside one process
        .executableTarget(
            name: "writing-bench", dependencies: ["Butler", "FITS", "StructuredData"], path: "Benchmarks/WritingBench"),

        // Tests
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .target(name: "DatabaseSupport", dependencies: ["Database", "TestSupport"], path: "Tests/DatabaseSupport"),
        .testTarget(name: "SkyGeometryTests", dependencies: ["SkyGeometry", "TestSupport"]),
        .testTarget(name: "AstroTimeTests", dependencies: ["AstroTime"]),
        .testTarget(name: "StructuredDataTests", dependencies: ["StructuredData", "TestSupport"]),
        .testTarget(name: "TableRenderingTests", dependencies: ["TableRendering"]),
        .testTarget(name: "TablesTests", dependencies: ["Tables", "StructuredData"]),
        .testTarget(name: "ParquetTests", dependencies: ["Parquet", "StructuredData", "Tables"]),
        .testTarget(
            name: "DatabaseTests",
            dependencies: [
                "CJournalBuffer", "CLibPQ", "Database", "TestSupport", .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(
            name: "StorageFaults",
            dependencies: [
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/StorageFaults"),
        .testTarget(
            name: "ObjectStorageTests",
            dependencies: ["ObjectStorage", "StorageFaults", "TestSupport", .product(name: "NIOHTTP1", package: "swift-nio")]),
        .testTarget(name: "EdgeCacheTests", dependencies: ["EdgeCache", "ObjectStorage"]),
        .testTarget(
            name: "ImageTransferTests",
            dependencies: ["ImageTransfer", "ObjectStorage", "StorageFaults"]),
        .testTarget(name: "RepositoryConfigurationTests", dependencies: ["RepositoryConfiguration"]),
        .testTarget(name: "FITSTests", dependencies: ["FITS", "TestSupport"]),
        .testTarget(name: "ButlerModelTests", dependencies: ["ButlerModel", "ByteText"]),
        .testTarget(name: "QueryModelTests", dependencies: ["QueryModel", "RepositoryConfiguration", "TestSupport"]),
        .testTarget(
            name: "RegistryTests", dependencies: ["DatabaseSupport", "Registry", "RepositoryConfiguration", "TestSupport"]),
        .testTarget(
            name: "QueryTests",
            dependencies: ["DatabaseSupport", "Query", "Registry", "RepositoryConfiguration", "TestSupport"]),
        .testTarget(
            name: "DatastoreTests",
            dependencies: [
                "Datastore", "Parquet", "Tables", "TestSupport", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .testTarget(name: "FelisTests", dependencies: ["Felis", "StructuredData", "TestSupport"]),
        .testTarget(
            name: "ButlerTests",
            dependencies: ["Butler", "DatabaseSupport", "FITS", "QueryModel", "DemoSurvey", "StructuredData"]),
        .testTarget(
            name: "ButlerServerTests",
            dependencies: [
                "ButlerServer", "ByteText", "DemoSurvey", "FITS", "Parquet", "Tables",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "Serving", .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
