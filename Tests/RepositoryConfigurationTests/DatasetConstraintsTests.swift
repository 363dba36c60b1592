import RepositoryConfiguration
import StructuredData
import Testing

private func constraints(_ yaml: String) async throws -> DatasetConstraints {
    let environment = ConfigurationEnvironment(variables: [:], currentDirectory: "/")
    let text = "root: /r\ndatastore:\n  constraints: \(yaml)\n"
    let document = try await ConfigurationDocument(yaml: text, environment: environment)
    guard case .direct(let configuration) = try await ButlerConfiguration.make(from: document, environment: environment)
    else { throw ButlerConfiguration.UnexpectedRemote() }
    return try #require(try configuration.datastore().files.first).constraints
}

private let metric = LookupSubject(
    datasetType: "metric", dimensions: ["visit"], storageClass: "Json", instrument: "HSC")
private let other = LookupSubject(
    datasetType: "other", dimensions: ["tract"], storageClass: "Yaml", instrument: "LSSTCam")

@Test(arguments: [
    ("{}", true, true),
    ("{accept: [metric]}", true, false),
    ("{accept: [Json]}", true, false),
    ("{accept: [visit+]}", true, false),
    ("{reject: [metric]}", false, true),
    ("{reject: [all]}", false, false),
    ("{accept: [metric], reject: [all]}", true, false),
    ("{accept: [all], reject: [metric]}", false, true),
    ("{accept: [metric], reject: [metric]}", true, false),
    ("{accept: [{instrument<HSC>: [metric]}]}", true, false),
    ("{accept: [{instrument<LSSTCam>: [metric]}]}", false, false),
    ("{reject: [{instrument<HSC>: [all]}]}", false, true),
    ("{accept: [all], reject: [{instrument<LSSTCam>: [all]}]}", true, false),
])
func constraintsDecideInOrder(yaml: String, acceptsMetric: Bool, acceptsOther: Bool) async throws {
    let constraints = try await constraints(yaml)
    #expect(constraints.accepts(metric) == acceptsMetric)
    #expect(constraints.accepts(other) == acceptsOther)
}
