import ButlerModel
import ByteText
import Hummingbird
import Registry
import Serving
import StructuredData

/// Collections and their summaries. Source: remote Butler protocol reference, sections 6.6 and 6.7.
extension ButlerRoutes {
    func addCollections(to routes: ServiceRoutes) {
        add("query_collection_info", [.post], to: routes) { call in
            let search = try await call.request.decoded { fields throws(ButlerError) in
                CollectionSearch(
                    try fields.patterns("expression"), types: try fields.collectionTypes("collection_types"),
                    flattenChains: try fields.flag("flatten_chains"), includeChains: try fields.flag("include_chains"),
                    includeParents: try fields.flag("include_parents"),
                    includeSummary: try fields.flag("include_summary"),
                    includeDocumentation: try fields.flag("include_doc"),
                    summaryDatasetTypes: try fields.optionalStrings("summary_datasets").map(Set.init))
            }
            let found = try await queries.catalogLookup(call) { try $0.collectionInfo(search) }
            return .json(.object(["collections": .array(found.map(\.wire))]))
        }

        add("collection_summary", [.get], to: routes) { call in
            let name = try QueryString(call.request).required("name")
            let (summary, types) = try await queries.catalogLookup(call) { view in
                let summary = try view.collectionSummary(name)
                return (summary, try summary.datasetTypes.sorted().map { try view.datasetType($0) })
            }
            let governors = summary.governors.sorted { $0.key < $1.key }
            return .json(
                .object([
                    "summary": .object([
                        "dataset_types": .array(types.map(\.wire)),
                        "governors": .object(
                            StructuredMapping(governors.map { ($0.key, .strings($0.value.sortedTexts())) })),
                    ])
                ]))
        }

        addDeprecatedCollections(to: routes)
    }

    /// Routes that older clients still use.
    private func addDeprecatedCollections(to routes: ServiceRoutes) {
        add("collection_info", [.get], to: routes) { call in
            let query = try QueryString(call.request)
            let name = try query.required("name")
            let (withDocumentation, withParents) = (try query.flag("include_doc"), try query.flag("include_parents"))
            let search = CollectionSearch(
                [name], includeParents: withParents, includeDocumentation: withDocumentation)
            let found = try await queries.catalogLookup(call) { try $0.collectionInfo(search) }
            // A glob is no name.
            guard let info = found.first, info.name.hasSameBytes(as: name) else {
                throw ButlerError(.missingCollection, "No collection with name '\(name)' found.")
            }
            var answer: StructuredMapping = [
                "name": .string(info.name), "type": .int(Int64(info.type.rawValue)),
                "children": .strings(info.children),
            ]
            if withDocumentation { answer["doc"] = info.documentation.isEmpty ? .null : .string(info.documentation) }
            if withParents { answer["parents"] = .strings((info.parents ?? []).sortedTexts()) }
            return .json(.object(answer))
        }

        add("query_collections", [.post], to: routes) { call in
            let search = try await call.request.decoded { fields throws(ButlerError) in
                CollectionSearch(
                    try fields.patterns("search"), types: try fields.collectionTypes("collection_types"),
                    flattenChains: try fields.flag("flatten_chains"), includeChains: try fields.flag("include_chains"))
            }
            let found = try await queries.catalogLookup(call) { try $0.collectionInfo(search) }
            return .json(.object(["collections": .strings(found.map(\.name))]))
        }
    }
}
