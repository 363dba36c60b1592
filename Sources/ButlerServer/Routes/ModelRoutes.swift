import ButlerModel
import Hummingbird
import Serving
import StructuredData

/// Dimensions and dataset types.
extension ButlerRoutes {
    func addModel(to routes: ServiceRoutes) {
        add("universe", [.get], to: routes) { call in .json(encoded: try call.served.universeDocument) }

        add("dataset_type/{name}", [.get], to: routes) { call in
            let name = try call.context.segment("name")
            let type = try await call.repository.readCatalog { try $0.datasetType(name) }
            return .json(.object(["dataset_type": type.wire]))
        }

        add("query_dataset_types", [.post], to: routes) { call in
            let patterns = try await call.request.decoded { fields throws(ButlerError) in try fields.patterns("search") }
            let (found, missing) = try await queries.catalogLookup(call) { try $0.datasetTypes(matching: patterns) }
            return .json(.object(["dataset_types": .array(found.map(\.wire)), "missing": .strings(missing)]))
        }

        add("expand_data_id", [.post], to: routes) { call in
            let dataID = try await call.request.decoded { fields throws(ButlerError) in try fields.dataID("data_id") }
            let expanded = try await call.repository.read { try $0.expand(dataID) }
            return .json(.object(["data_coordinate": expanded.wire]))
        }
    }
}
