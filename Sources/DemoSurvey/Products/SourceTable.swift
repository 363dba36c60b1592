import FITS
import Foundation
import SkyGeometry

/// The stars found on all detectors of a visit: a FITS binary table, which `astropy.table.Table` reads.
enum SourceTable {
    static func file(_ result: CalibratedVisit, camera: Camera) throws -> FITSFile {
        var (detectors, xs, ys, ras, decs): ([Int16], [Double], [Double], [Double], [Double]) = ([], [], [], [], [])
        var (fluxes, errors, magnitudes, widths): ([Float], [Float], [Float], [Float]) = ([], [], [], [])
        var flags: [Bool] = []
        for (detector, calibrated) in result.detectors {
            let projection = result.visit.projection(detector, of: camera)
            for source in calibrated.sources {
                let place = LonLat(try projection.direction(x: source.x, y: source.y))
                detectors.append(Int16(detector.id))
                xs.append(source.x)
                ys.append(source.y)
                ras.append(place.lon.degrees)
                decs.append(place.lat.degrees)
                fluxes.append(Float(source.flux))
                errors.append(Float(source.fluxError))
                magnitudes.append(
                    result.photometry.map {
                        Float($0.zeroPoint - 2.5 * log10(source.flux / Visit.exposureTime))
                    } ?? .nan)
                widths.append(source.width.map { Float($0 * Camera.pixelScaleDegrees * 3600) } ?? .nan)
                flags.append(source.isFlagged)
            }
        }
        let table = try FITSTable(
            rowCount: xs.count,
            columns: [
                FITSColumn("detector", .int16(detectors)),
                FITSColumn("x", .double(xs), unit: "pix"), FITSColumn("y", .double(ys), unit: "pix"),
                FITSColumn("ra", .double(ras), unit: "deg"), FITSColumn("dec", .double(decs), unit: "deg"),
                FITSColumn("flux", .float(fluxes)), FITSColumn("flux_error", .float(errors)),
                FITSColumn("magnitude", .float(magnitudes), unit: "mag"),
                FITSColumn("fwhm", .float(widths), unit: "arcsec"), FITSColumn("flag", .bool(flags)),
            ])
        let cards = [
            FITSCard("EXTNAME", .string("SOURCES")),
            FITSCard("INSTRUME", .string(Camera.name)),
            FITSCard("VISIT", .int(Int64(result.visit.id))),
            FITSCard("FILTER", .string(result.visit.filter.name)),
            FITSCard("FLUXUNIT", .string("electron"), comment: "Of the fluxes and their errors"),
            FITSCard("APRADIUS", .float(SourceFinder.apertureRadius), comment: "[pixel] Aperture of the fluxes"),
            FITSCard("THRESHLD", .float(SourceFinder.threshold), comment: "Detection limit, standard deviations"),
        ]
        return FITSFile(hdus: [
            .image(FITSImageHDU()), .table(FITSTableHDU(header: FITSHeader(cards), table: table)),
        ])
    }
}
