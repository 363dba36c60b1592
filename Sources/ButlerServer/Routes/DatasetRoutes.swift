import ButlerModel
import Hummingbird
import Registry
import Serving
import StructuredData

/// Datasets, without their files.
extension ButlerRoutes {
    func addDatasets(to routes: ServiceRoutes) {
        add("dataset/{id}", [.get], to: routes) { call in
            let id = try call.context.datasetID()
            let withRecords = try QueryString(call.request).flag("dimension_records")
            let ref = try await call.repository.read { view in
                let ref = try view.dataset(id)
                return withRecords ? try ref.map { $0.with(dataID: try view.expand($0.dataID)) } : ref
            }
            return .json(.object(["dataset_ref": ref?.wire ?? .null]))
        }

        add("datasets", [.post], to: routes) { call in
            let ids = try await call.request.decoded { fields throws(ButlerError) in
                try fields.datasetIDs("dataset_ids")
            }
            let refs = try await queries.lookup(call) { try $0.datasets(ids) }
            return .json(.object(["type": "dataset_ref", "rows": .array(refs.map(\.wire))]))
        }

        add("find_dataset", [.post], to: routes) { call in
            let (search, withRecords) = try await call.request.decoded { fields throws(ButlerError) in
                try fields.requirePresent("timespan")
                return (
                    try DatasetSearchRequest(
                        fields, time: CalibrationTime(findDataset: try fields.timespan("timespan"))),
                    try fields.optionalFlag("dimension_records")
                )
            }
            let ref = try await call.repository.read { view in
                let ref = try search.find(in: view)
                return withRecords ? try ref.map { $0.with(dataID: try view.expand($0.dataID)) } : ref
            }
            return .json(.object(["dataset_ref": ref?.wire ?? .null]))
        }
    }
}

/// The members that requests for one dataset by data ID share.
struct DatasetSearchRequest: Sendable {
    let datasetType: String
    let dataID: [String: DataIDValue]
    let defaults: [String: DataIDValue]
    let collections: [String]
    let time: CalibrationTime

    init(_ fields: RequestFields, time: CalibrationTime) throws(ButlerError) {
        datasetType = try fields.string("dataset_type")
        dataID = try fields.dataID("data_id")
        defaults = try fields.optionalDataID("default_data_id")
        collections = try fields.strings("collections")
        self.time = time
    }

    func find(in view: any RepositoryView) throws -> DatasetRef? {
        try view.findDataset(
            try view.datasetType(datasetType), dataID: dataID, defaults: defaults, collections: collections, time: time)
    }

    /// The error of `get_file_by_data_id` when there is no match.
    var notFound: ButlerError {
        let values = dataID.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.quotedDescription)" }
        return ButlerError(
            .datasetNotFound,
            "Dataset \(datasetType) with data ID {\(values.joined(separator: ", "))} could not be found in collections "
                + "[\(collections.map { "'\($0)'" }.joined(separator: ", "))].")
    }
}
