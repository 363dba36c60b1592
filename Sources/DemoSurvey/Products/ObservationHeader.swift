import AstroTime
import FITS

/// FITS keywords that say what a file's pixels are.
enum ObservationHeader {
    /// Of an exposure with one detector.
    static func cards(_ visit: Visit, _ detector: Detector) throws -> [FITSCard] {
        let middle = TAINanoseconds(rawValue: (visit.timespan.begin.rawValue + visit.timespan.end.rawValue) / 2)
        return cards(detector) + [
            FITSCard("OBSID", .string(visit.name), comment: "Name of the exposure"),
            FITSCard("EXPID", .int(Int64(visit.id)), comment: "Number of the exposure"),
            FITSCard("DAYOBS", .int(Int64(visit.night.dayObs)), comment: "Observing day"),
            FITSCard("SEQNUM", .int(Int64(visit.sequence)), comment: "Number within the observing day"),
            FITSCard("IMGTYPE", .string("science")),
            FITSCard("OBJECT", .string(visit.target), comment: "Survey field"),
            FITSCard("FILTER", .string(visit.filter.name)),
            FITSCard("EXPTIME", .float(Visit.exposureTime), comment: "[s] Open-shutter time"),
            FITSCard("DARKTIME", .float(Visit.darkTime), comment: "[s] Time since the detector was cleared"),
            FITSCard("TIMESYS", .string("TAI")),
            FITSCard("DATE-OBS", .string(try visit.timespan.begin.text(precision: 3)), comment: "Begin"),
            FITSCard("DATE-AVG", .string(try middle.text(precision: 3)), comment: "Middle"),
            FITSCard("DATE-END", .string(try visit.timespan.end.text(precision: 3)), comment: "End"),
            FITSCard("MJD-OBS", .float(try visit.timespan.begin.mjd()), comment: "[d] Begin"),
            FITSCard("RA", .float(visit.boresight.rightAscension), comment: "[deg] Boresight, ICRS"),
            FITSCard("DEC", .float(visit.boresight.declination), comment: "[deg] Boresight, ICRS"),
            FITSCard("ROTPA", .float(visit.skyAngle), comment: "[deg] Position angle of the y axis"),
            FITSCard("AZIMUTH", .float(visit.pointing.azimuth), comment: "[deg] At the begin, from north by east"),
            FITSCard("ZENITH", .float(visit.pointing.zenithAngle), comment: "[deg] Zenith angle at the begin"),
            FITSCard("AIRMASS", .float(visit.pointing.airmass)),
        ]
    }

    /// Of a detector, whatever it was exposed to.
    static func cards(_ detector: Detector) -> [FITSCard] {
        [
            FITSCard("INSTRUME", .string(Camera.name)),
            FITSCard("OBSERVAT", .string(Site.name), comment: "An invented place"),
            FITSCard("SIMULATE", .bool(true), comment: "The pixels are simulated"),
            FITSCard("DETECTOR", .int(Int64(detector.id)), comment: "Number of the detector"),
            FITSCard("DETNAME", .string(detector.fullName)),
            FITSCard("GAIN", .float(Camera.gain), comment: "Electrons per count"),
            FITSCard("RDNOISE", .float(DetectorModel.readNoise), comment: "[electron] Read noise"),
            FITSCard("SATURATE", .int(Int64(Camera.saturation)), comment: "Counts of a saturated pixel"),
        ]
    }
}
