import Butler
import ButlerModel
import Datastore
import Registry

/// The biases and flats that the calibration collection certifies for some visits, read from the repository.
struct CertifiedCalibrations: Sendable {
    private struct Key: Hashable {
        let visit: Int
        let detector: Int
    }

    private var choices: [Key: (bias: DatasetID, flat: DatasetID)] = [:]
    private var pixels: [DatasetID: [Float]] = [:]

    /// Looks them up and reads each file once.
    /// - Throws: ``DemoSurveyError/noCalibration(datasetType:visit:detector:)``.
    init(_ visits: [Visit], camera: Camera, butler: DirectButler) async throws {
        let detectors = camera.detectors
        let found = try await butler.registry.read { snapshot in
            var refs: [(Visit, Detector, DatasetRef, DatasetRef)] = []
            for visit in visits {
                for detector in detectors {
                    func find(_ name: String, _ more: [String: DataIDValue]) throws -> DatasetRef {
                        let dataID: [String: DataIDValue] = [
                            "instrument": .string(Camera.name), "detector": .int(Int64(detector.id)),
                        ]
                        guard
                            let ref = try snapshot.findDataset(
                                try snapshot.datasetType(name), dataID: dataID.merging(more) { own, _ in own },
                                collections: [SurveyLayout.calibrations], time: .during(visit.timespan))
                        else {
                            throw DemoSurveyError.noCalibration(
                                datasetType: name, visit: visit.id, detector: detector.id)
                        }
                        return ref
                    }
                    refs.append(
                        (
                            visit, detector, try find("bias", [:]),
                            try find("flat", ["physical_filter": .string(visit.filter.name)])
                        ))
                }
            }
            return refs
        }
        for (visit, detector, bias, flat) in found {
            choices[Key(visit: visit.id, detector: detector.id)] = (bias.id, flat.id)
            for ref in [bias, flat] where pixels[ref.id] == nil {
                guard case .fits(let file) = try await butler.get(ref) else {
                    throw DemoSurveyError.noCalibration(
                        datasetType: ref.datasetType.name, visit: visit.id, detector: detector.id)
                }
                pixels[ref.id] = try ImageFiles.calibrationPixels(file)
            }
        }
    }

    /// By detector number.
    func pixels(for visit: Visit, camera: Camera) throws -> [Int: CalibratedVisit.Calibrations] {
        var result: [Int: CalibratedVisit.Calibrations] = [:]
        for detector in camera.detectors {
            guard let choice = choices[Key(visit: visit.id, detector: detector.id)], let bias = pixels[choice.bias],
                let flat = pixels[choice.flat]
            else { throw DemoSurveyError.noCalibration(datasetType: "bias", visit: visit.id, detector: detector.id) }
            result[detector.id] = CalibratedVisit.Calibrations(bias: bias, flat: flat)
        }
        return result
    }
}
