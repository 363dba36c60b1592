import FITS

/// The pixels of an image once more, as a table with one row for each row of the image.
///
/// Python's Butler package reads FITS only as tables (`AstropyTableFormatter`); image classes need Rubin's image
/// software. With this extension, called `PIXELS`, `butler.get` returns an `astropy.table.Table` whose columns are
/// two-dimensional arrays and whose `meta` is the header; other FITS software finds the image extensions before it.
enum PixelTable {
    /// - Parameters:
    ///   - rows: rows of the image, and so of the table.
    ///   - columns: name and pixels of each plane. FITS has no unit for electrons, so `BUNIT` alone names the unit.
    static func hdu(
        rows: Int, columns: [(name: String, pixels: FITSColumnValues)], cards: [FITSCard]
    ) throws -> FITSHDU {
        let table = try FITSTable(
            rowCount: rows,
            columns: columns.map { column in
                FITSColumn(
                    column.name, column.pixels, elementsPerRow: (column.pixels.count ?? 0) / max(rows, 1))
            })
        return .table(FITSTableHDU(header: FITSHeader([FITSCard("EXTNAME", .string("PIXELS"))] + cards), table: table))
    }
}
