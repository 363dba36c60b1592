import AstroTime
import ButlerModel
import SkyGeometry

/// The dimension records of the survey.
struct SurveyRecords {
    let universe: DimensionUniverse

    /// Visit systems: number and name. Each visit is one exposure, so both hold all visits.
    private static let visitSystems: [(Int64, String)] = [(0, "one-to-one"), (1, "by-group-metadata")]
    /// Above all exposure and visit numbers of this century.
    private static let observationLimit: Int64 = 10_000_000_000_000

    private func record(_ element: String, _ values: [String: ColumnValue]) throws -> DimensionRecord {
        try DimensionRecord(try universe.requireElement(element), values)
    }

    private static let instrument = ColumnValue.string(Camera.name)

    /// Instrument, filters, detectors and visit systems.
    func instrument(_ camera: Camera) throws -> [DimensionRecord] {
        var records = [
            try record(
                "instrument",
                [
                    "name": Self.instrument, "visit_max": .int(Self.observationLimit),
                    "exposure_max": .int(Self.observationLimit), "detector_max": .int(Int64(camera.detectors.count)),
                    "visit_system": .int(Self.visitSystems[0].0), "class_name": .string("steward.demo.StewardCam"),
                ])
        ]
        records += try Camera.filters.map {
            try record(
                "physical_filter",
                ["instrument": Self.instrument, "name": .string($0.name), "band": .string($0.band)])
        }
        records += try camera.detectors.map {
            try record(
                "detector",
                [
                    "instrument": Self.instrument, "id": .int(Int64($0.id)), "full_name": .string($0.fullName),
                    "name_in_raft": .string($0.nameInRaft), "raft": .string($0.raft), "purpose": .string("SCIENCE"),
                ])
        }
        records += try Self.visitSystems.map {
            try record("visit_system", ["instrument": Self.instrument, "id": .int($0.0), "name": .string($0.1)])
        }
        return records
    }

    func nights(_ nights: [Night]) throws -> [DimensionRecord] {
        try nights.map {
            try record(
                "day_obs",
                ["instrument": Self.instrument, "id": .int(Int64($0.dayObs)), "timespan": .timespan($0.timespan)])
        }
    }

    /// The exposure, its visit, what relates them, and their places on the sky.
    func observation(_ footprint: VisitFootprint) throws -> [DimensionRecord] {
        let visit = footprint.visit
        let id = ColumnValue.int(Int64(visit.id))
        let sequence = ColumnValue.int(Int64(visit.sequence))
        let common: [String: ColumnValue] = [
            "instrument": Self.instrument, "id": id, "physical_filter": .string(visit.filter.name),
            "day_obs": .int(Int64(visit.night.dayObs)), "seq_num": sequence,
            "exposure_time": .float(Visit.exposureTime), "target_name": .string(visit.target),
            "observation_reason": .string("survey"), "science_program": .string("steward-demo"),
            "azimuth": .float(visit.pointing.azimuth), "zenith_angle": .float(visit.pointing.zenithAngle),
            "timespan": .timespan(visit.timespan),
        ]
        let exposure = common.merging(
            [
                "group": .string(visit.name), "obs_id": .string(visit.name), "dark_time": .float(Visit.darkTime),
                "observation_type": .string("science"), "seq_start": sequence, "seq_end": sequence,
                "tracking_ra": .float(visit.boresight.rightAscension),
                "tracking_dec": .float(visit.boresight.declination), "sky_angle": .float(visit.skyAngle),
                "has_simulated": .bool(true), "can_see_sky": .bool(true),
            ], uniquingKeysWith: { _, own in own })
        let whole = ColumnValue.region(EncodedRegion(.polygon(footprint.region)))
        var records = [
            try record("group", ["instrument": Self.instrument, "name": .string(visit.name)]),
            try record("exposure", exposure),
            try record(
                "visit", common.merging(["name": .string(visit.name), "region": whole]) { _, own in own }),
            try record("visit_definition", ["instrument": Self.instrument, "exposure": id, "visit": id]),
        ]
        records += try Self.visitSystems.map {
            try record(
                "visit_system_membership", ["instrument": Self.instrument, "visit": id, "visit_system": .int($0.0)])
        }
        records += try footprint.detectors.enumerated().map { detector, region in
            try record(
                "visit_detector_region",
                [
                    "instrument": Self.instrument, "visit": id, "detector": .int(Int64(detector)),
                    "region": .region(EncodedRegion(.polygon(region))),
                ])
        }
        return records
    }

    func sky(_ division: SkyDivision) throws -> [DimensionRecord] {
        let name = ColumnValue.string(SkyDivision.name)
        let side = Int64(SkyDivision.patchesPerSide)
        var records = [
            try record(
                "skymap",
                [
                    "name": name, "hash": .hash(SkyDivision.hash), "tract_max": .int(Int64(division.tracts.count)),
                    "patch_nx_max": .int(side), "patch_ny_max": .int(side),
                ])
        ]
        for tract in division.tracts {
            records.append(
                try record(
                    "tract",
                    [
                        "skymap": name, "id": .int(Int64(tract.id)),
                        "region": .region(EncodedRegion(.polygon(tract.region))),
                    ]))
            records += try tract.patches.map {
                try record(
                    "patch",
                    [
                        "skymap": name, "tract": .int(Int64(tract.id)), "id": .int(Int64($0.id)),
                        "cell_x": .int(Int64($0.column)), "cell_y": .int(Int64($0.row)),
                        "region": .region(EncodedRegion(.polygon($0.region))),
                    ])
            }
        }
        return records
    }
}
