import FITS
import RepositoryConfiguration

/// The last steps of a read: cutting out and changing the storage class.
extension StorageClassRegistry {
    /// - Parameters:
    ///   - recorded: the storage class of the value, a component's for a component.
    ///   - dataset: for messages.
    /// - Throws: ``DatastoreError/unusableParameter(dataset:parameter:reason:)``,
    ///   ``DatastoreError/notConvertible(dataset:recorded:wanted:)``.
    func finish(
        _ value: DatasetValue, recorded: String, _ request: ReadRequest, dataset: String
    ) throws -> DatasetValue {
        let result = try cut(value, recorded: recorded, request.parameters, dataset: dataset)
        guard let wanted = request.storageClass, wanted != recorded else { return result }
        let definition = try definition(named: wanted, usedBy: "a read of \(dataset)")
        guard canConvert(recorded, to: wanted) else {
            throw DatastoreError.notConvertible(dataset: dataset, recorded: recorded, wanted: wanted)
        }
        if let content = result.structured, let needed = definition.mismatch(content) {
            throw DatastoreError.wrongType(
                dataset: dataset, expected: "\(needed), as storage class '\(wanted)' needs", found: content.kindName)
        }
        return result
    }

    private func cut(
        _ value: DatasetValue, recorded: String, _ parameters: ReadParameters, dataset: String
    ) throws -> DatasetValue {
        let known = knownParameters(of: recorded)
        for name in parameters.names where !known.contains(name) {
            throw DatastoreError.unusableParameter(
                dataset: dataset, parameter: name,
                reason: "storage class '\(recorded)' knows "
                    + (known.isEmpty ? "no parameters" : "only \(known.sorted().joined(separator: ", "))"))
        }
        if parameters.cutsTable { return try value.cutting(parameters, dataset: dataset) }
        guard let box = parameters.bbox else { return value }
        func unusable(_ reason: String) -> DatastoreError {
            .unusableParameter(dataset: dataset, parameter: "bbox", reason: reason)
        }
        do {
            if case .composite(var components) = value {
                for (name, component) in components {
                    guard let file = try FITSFile(dataset: component), file.imageBox != nil else { continue }
                    components[name] = .fits(try file.cutout(box, in: parameters.origin))
                }
                return .composite(components)
            }
            guard let file = try FITSFile(dataset: value) else { throw unusable("it is \(value.kindName)") }
            return .fits(try file.cutout(box, in: parameters.origin))
        } catch let error as FITSError {
            throw unusable("\(error)")
        }
    }
}
