import FITS

/// The FITS files of the survey's images.
enum ImageFiles {
    /// Counts as they come from the detector: an unsigned 16-bit image in the primary HDU, and `PIXELS`.
    static func raw(_ counts: [UInt16], _ visit: Visit, _ detector: Detector, camera: Camera) throws -> FITSFile {
        let cards =
            try ObservationHeader.cards(visit, detector) + visit.projection(detector, of: camera).cards
            + [FITSCard("BUNIT", .string("adu"))]
        let side = camera.pixels
        return FITSFile(hdus: [
            .image(
                FITSImageHDU(
                    header: FITSHeader(cards), image: try FITSImage(shape: [side, side], pixels: .uint16(counts)))),
            try PixelTable.hdu(rows: side, columns: [("counts", .uint16(counts))], cards: cards),
        ])
    }

    /// A bias or flat: a 32-bit floating-point image in the primary HDU, and `PIXELS`.
    static func calibration(
        _ master: MasterCalibration, kind: String, night: Night, _ detector: Detector, filter: Filter?, camera: Camera
    ) throws -> FITSFile {
        var cards = ObservationHeader.cards(detector)
        cards.append(FITSCard("IMGTYPE", .string(kind)))
        if let filter { cards.append(FITSCard("FILTER", .string(filter.name))) }
        cards += [
            FITSCard("DAYOBS", .int(Int64(night.dayObs)), comment: "Observing day of the frames"),
            FITSCard("NFRAMES", .int(Int64(master.frameCount)), comment: "Frames averaged"),
            FITSCard("SCATTER", .float(master.frameScatter), comment: "[adu] Noise of one frame"),
        ]
        if filter == nil { cards.append(FITSCard("BUNIT", .string("adu"))) }
        let side = camera.pixels
        return FITSFile(hdus: [
            .image(
                FITSImageHDU(
                    header: FITSHeader(cards), image: try FITSImage(shape: [side, side], pixels: .float(master.image)))),
            try PixelTable.hdu(rows: side, columns: [("image", .float(master.image))], cards: cards),
        ])
    }

    /// The pixels of a calibration file.
    static func calibrationPixels(_ file: FITSFile) throws -> [Float] {
        guard case .float(let pixels)? = file.hdus.first?.image?.pixels else {
            throw FITSError.invalidContent(
                what: "a calibration image", reason: "its primary HDU holds no 32-bit floating-point numbers")
        }
        return pixels
    }

    /// A calibrated exposure: `IMAGE`, `MASK` and `VARIANCE` as Rubin's masked images have them, tile-compressed without
    /// loss, and `PIXELS`.
    static func calexp(
        _ calibrated: CalibratedDetector, _ detector: Detector, of result: CalibratedVisit, camera: Camera
    ) throws -> FITSFile {
        let world = result.visit.projection(detector, of: camera).cards
        var cards = try ObservationHeader.cards(result.visit, detector)
        cards += [
            FITSCard("BUNIT", .string("electron")),
            FITSCard("SKYLEVEL", .float(Decimals.round(calibrated.background, 3)), comment: "[electron] Sky taken off"),
            FITSCard("SKYMODEL", .string(result.background.rawValue), comment: "How the sky was modelled"),
        ]
        if let seeing = result.seeing {
            cards.append(FITSCard("SEEING", .float(Decimals.round(seeing, 3)), comment: "[arcsec] Median star, FWHM"))
        }
        if let photometry = result.photometry {
            cards += [
                FITSCard(
                    "MAGZERO", .float(Decimals.round(photometry.zeroPoint, 4)),
                    comment: "[mag] of one electron a second"),
                FITSCard(
                    "MAGSCAT", .float(Decimals.round(photometry.scatter, 4)), comment: "[mag] Scatter of one star"),
                FITSCard("MAGNSTAR", .int(Int64(photometry.starCount)), comment: "Stars behind MAGZERO"),
            ]
        }
        let side = camera.pixels
        let image = try MaskedImage(
            rows: side, columns: side, image: calibrated.image, mask: calibrated.mask, variance: calibrated.variance,
            maskPlanes: CalibratedDetector.maskPlanes, metadata: FITSHeader(cards), planeHeader: FITSHeader(world))
        // A quarter of a small image is a better tile than a row.
        let plane = WriteRecipe.Plane(.gzip2, tileShape: [(side + 3) / 4, side])
        var file = try image.file(recipe: WriteRecipe(image: plane, mask: plane, variance: plane))
        let planes = CalibratedDetector.maskPlanes.sorted { $0.value < $1.value }
            .map { FITSCard("MP_\($0.key)", .int(Int64($0.value))) }
        file.hdus.append(
            try PixelTable.hdu(
                rows: side,
                columns: [
                    ("image", .float(calibrated.image)),
                    ("mask", .int16(calibrated.mask.map { Int16(truncatingIfNeeded: $0) })),
                    ("variance", .float(calibrated.variance)),
                ], cards: cards + world + planes))
        return file
    }
}
