import Foundation
// Prints what the Configuration module makes of defaults, files and options, for comparison with the Python software.
//
//   config-probe defaults                     every default component and the dimension universe
//   config-probe storage-classes              resolved default storage classes
//   config-probe expanded PATH                a configuration with all defaults in place
//   config-probe document PATH                a configuration with its includes in place
//   config-probe datastores PATH              name, root and records table of each file datastore
//   config-probe create ROOT [seed=PATH] [standalone] [override] [outfile=PATH]
//   config-probe timing                       milliseconds of parsing each default on first use
import RepositoryConfiguration
import StructuredData

func text(_ value: StructuredValue) -> String {
    var writer = JSONWriter(options: JSONWriter.Options(style: .spaced, nan: .python))
    writer.value(value)
    return writer.text
}

func storageClasses(_ registry: StorageClassRegistry) -> StructuredValue {
    .object(
        StructuredMapping(
            registry.names.compactMap { name in
                guard let definition = registry[name] else { return nil }
                let components = { (list: [StorageClassDefinition.Component]) -> StructuredValue in
                    .object(StructuredMapping(list.map { ($0.name, .string($0.storageClass)) }))
                }
                return (
                    name,
                    [
                        "pytype": .string(definition.pytype),
                        "delegate": definition.delegate.map(StructuredValue.string) ?? .null,
                        "components": components(definition.components),
                        "derivedComponents": components(definition.derivedComponents),
                        "parameters": .array(definition.parameters.sorted().map(StructuredValue.string)),
                        "converters": .array(
                            definition.converters.map { [.string($0.source), .string($0.function)] }),
                        "knownParameters": .array(
                            registry.knownParameters(of: name).sorted().map(StructuredValue.string)),
                    ]
                )
            }))
}

func direct(_ path: String, _ environment: ConfigurationEnvironment) async throws -> DirectButlerConfiguration {
    switch try await ButlerConfiguration.load(path, environment: environment) {
    case .direct(let configuration): return configuration
    case .remote(let configuration):
        throw ConfigurationError.invalidValue(
            location: path, key: "cls", value: configuration.server, remedy: "this probe needs a direct repository")
    }
}

func run() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let environment = ConfigurationEnvironment(variables: ProcessInfo.processInfo.environment)
    switch (arguments.first, arguments.dropFirst().first) {
    case ("defaults", _):
        let empty = try await ButlerConfiguration.make(
            from: ConfigurationDocument(values: [:]), environment: environment)
        guard case .direct(let configuration) = empty else { return }
        var result = try configuration.expanded()
        result["dimensions"] = .object(try DefaultDimensions.configuration())
        print(text(.object(result)))
    case ("storage-classes", _): print(text(storageClasses(try StorageClassRegistry.standard())))
    case ("expanded", let path?): print(text(.object(try await direct(path, environment).expanded())))
    case ("document", let path?):
        print(text(.object(try await ConfigurationDocument(path: path, environment: environment).values)))
    case ("datastores", let path?):
        for file in try await direct(path, environment).datastore().files {
            print("\(file.name)\t\(file.root.url)\t\(file.recordsTable)")
        }
    case ("create", let root?):
        var options = NewRepositoryConfiguration.Options()
        for option in arguments.dropFirst(2) {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            switch (parts[0], parts.dropFirst().first) {
            case ("standalone", nil): options.isStandalone = true
            case ("override", nil): options.keepsSeedRoots = true
            case ("outfile", let path?): options.outfile = path
            case ("seed", let path?):
                options.seed = try await ConfigurationDocument(path: path, environment: environment)
            default:
                throw ConfigurationError.invalidValue(
                    location: "arguments", key: "create", value: option, remedy: "see the source")
            }
        }
        let new = try await NewRepositoryConfiguration.make(root: root, options: options, environment: environment)
        print(new.text, terminator: "")
    case ("timing", _):
        let clock = ContinuousClock()
        let here = ConfigurationDocument(values: ["root": .string(environment.currentDirectory)])
        guard case .direct(let configuration) = try await ButlerConfiguration.make(from: here, environment: environment)
        else { return }
        let steps: [(String, () throws -> Void)] = [
            ("registry", { _ = try configuration.registry() }),
            ("datastore", { _ = try configuration.datastore() }),
            ("storage classes", { _ = try configuration.storageClasses() }),
            ("dimensions", { _ = try DefaultDimensions.configuration() }),
            ("everything again", { _ = try configuration.expanded() }),
        ]
        for (name, step) in steps {
            let time = try clock.measure(step)
            print(name, Double(time.components.attoseconds) / 1e15)
        }
    default:
        FileHandle.standardError.write(Data("usage: see the head of Interop/ConfigProbe/main.swift\n".utf8))
        exit(2)
    }
}

do {
    try await run()
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
