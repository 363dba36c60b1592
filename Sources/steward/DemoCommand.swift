import ArgumentParser
import DemoSurvey
import Foundation

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Make a small demo survey.",
        discussion: """
            A camera called StewardCam takes 24 pictures of an invented sky on two nights. The repository holds the raws, \
            biases and flats, the calibrated images, and what was measured on them. It takes about 50 MB. The same seed \
            gives the same datasets.
            """)

    @Argument(help: ArgumentHelp("The directory of the new repository; it must be new or empty.", valueName: "dir"))
    var directory: String

    @Option(help: "What the random numbers start from.")
    var seed: UInt64 = DemoSurvey.defaultSeed

    @Option(
        help: ArgumentHelp(
            "Where the registry goes, an empty PostgreSQL database: postgresql://user@host:port/name. Otherwise it is a "
                + "file of the directory.", valueName: "url"))
    var database: String?

    @Option(help: ArgumentHelp("The schema of that database.", valueName: "schema"))
    var namespace: String?

    func run() async throws {
        let place = database.map { DemoSurvey.ServerDatabase(url: $0, schema: namespace) }
        let work = Task { [directory, seed] in
            try await DemoSurvey.make(at: directory, seed: seed, database: place)
        }
        let interrupts = [SIGINT, SIGTERM].map { number in
            // The default action would end the process before the draft is removed.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { work.cancel() }
            source.activate()
            return source
        }
        defer { for source in interrupts { source.cancel() } }
        let report = try await work.value
        let megabytes = (Double(report.bytes) / 1e5).rounded() / 10
        var output = CommandOutput()
        try output.line("Made \(report.path): \(report.visits) visits, \(report.datasets) datasets, \(megabytes) MB.")
        try output.flush()
    }
}
