import AstroTime
import Foundation
import StructuredData

/// The survey's datasets of plain data.
enum Summaries {
    /// What is worth knowing about a visit.
    static func visit(_ result: CalibratedVisit) throws -> StructuredValue {
        let visit = result.visit
        let middle = TAINanoseconds(rawValue: (visit.timespan.begin.rawValue + visit.timespan.end.rawValue) / 2)
        let background = mean(result.detectors.map { $1.background })
        let pixelArea = pow(Camera.pixelScaleDegrees * 3600, 2)
        let skyMagnitude = result.photometry.flatMap { photometry in
            background.flatMap { level in
                level > 0
                    ? photometry.zeroPoint - 2.5 * log10(level / Visit.exposureTime / pixelArea) : nil
            }
        }
        return [
            "instrument": .string(Camera.name),
            "visit": .int(Int64(visit.id)),
            "physical_filter": .string(visit.filter.name),
            "band": .string(visit.filter.band),
            "day_obs": .int(Int64(visit.night.dayObs)),
            "seq_num": .int(Int64(visit.sequence)),
            "target_name": .string(visit.target),
            "mid_time_tai": .string(try middle.text(precision: 3)),
            "exposure_time_s": .float(Visit.exposureTime),
            "ra_deg": Decimals.value(visit.boresight.rightAscension, 6),
            "dec_deg": Decimals.value(visit.boresight.declination, 6),
            "sky_angle_deg": Decimals.value(visit.skyAngle, 4),
            "airmass": Decimals.value(visit.pointing.airmass, 4),
            "seeing_fwhm_arcsec": Decimals.value(result.seeing, 3),
            "zero_point_mag": Decimals.value(result.photometry?.zeroPoint, 4),
            "zero_point_scatter_mag": Decimals.value(result.photometry?.scatter, 4),
            "zero_point_stars": .int(Int64(result.photometry?.starCount ?? 0)),
            "background_model": .string(result.background.rawValue),
            "sky_background_electron": Decimals.value(background, 2),
            "sky_brightness_mag_arcsec2": Decimals.value(skyMagnitude, 3),
            "source_count": .int(Int64(result.sourceCount)),
            "detectors": .array(result.detectors.map { detector($0, $1) }),
        ]
    }

    private static func detector(_ detector: Detector, _ calibrated: CalibratedDetector) -> StructuredValue {
        [
            "detector": .int(Int64(detector.id)),
            "full_name": .string(detector.fullName),
            "sky_background_electron": Decimals.value(calibrated.background, 2),
            "noise_electron": Decimals.value(calibrated.noise, 3),
            "star_fwhm_pixel": Decimals.value(calibrated.starWidth, 3),
            "source_count": .int(Int64(calibrated.sources.count)),
            "saturated_pixels": .int(Int64(calibrated.saturatedPixels)),
            "bad_pixels": .int(Int64(calibrated.badPixels)),
            "detected_pixels": .int(Int64(calibrated.detectedPixels)),
        ]
    }

    /// What the calibration frames tell about a detector.
    static func notes(_ detector: Detector, _ calibrations: [NightlyCalibration]) -> StructuredValue {
        [
            "detector": .int(Int64(detector.id)),
            "full_name": .string(detector.fullName),
            "gain_electron_per_adu": .float(Camera.gain),
            "nights": .array(
                calibrations.map { calibration in
                    let dead = calibration.flats.map { $0.image.count { $0 < 0.5 } }.max() ?? 0
                    return [
                        "day_obs": .int(Int64(calibration.night.dayObs)),
                        "read_noise_electron": Decimals.value(calibration.bias.frameScatter * Camera.gain, 3),
                        "mean_bias_adu": Decimals.value(mean(calibration.bias.image.map { Double($0) }), 2),
                        "bad_pixels": .int(Int64(dead)),
                    ]
                }),
        ]
    }

    /// What the survey is.
    static func configuration(seed: UInt64, schedule: Schedule, camera: Camera) -> StructuredValue {
        [
            "title": "Steward demonstration survey",
            "description": "Simulated images of an invented sky through an invented camera.",
            "seed": .string(String(seed)),
            "instrument": [
                "name": .string(Camera.name),
                "detectors": .int(Int64(camera.detectors.count)),
                "pixels": [.int(Int64(camera.pixels)), .int(Int64(camera.pixels))],
                "pixel_scale_arcsec": .float(Decimals.round(Camera.pixelScaleDegrees * 3600, 6)),
                "filters": .array(Camera.filters.map { .string($0.name) }),
            ],
            "site": [
                "name": .string(Site.name), "longitude_deg": .float(Site.longitude),
                "latitude_deg": .float(Site.latitude),
            ],
            "centre": [
                "ra_deg": .float(Schedule.centre.rightAscension), "dec_deg": .float(Schedule.centre.declination),
            ],
            "nights": .array(schedule.nights.map { .int(Int64($0.dayObs)) }),
            "visits": .int(Int64(schedule.visits.count)),
            "reduction": [
                "detection_threshold_sigma": .float(SourceFinder.threshold),
                "aperture_radius_pixel": .float(SourceFinder.apertureRadius),
            ],
        ]
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}
