import FITS
import Foundation
import Testing

@Suite struct ReproducibilityTests {
    @Test func theSameContentGivesTheSameBytesAtAnotherTime() async throws {
        let image = try FITSImage(shape: [20, 32], pixels: .float(Samples.sky(rows: 20, columns: 32)))
        let table = try FITSTable(rowCount: 3, columns: [FITSColumn("a", .int32([1, 2, 3]))])
        var file = Samples.file(image, compression: .lossless)
        file.hdus.append(.table(FITSTableHDU(table: table)))
        let first = try file.bytes()
        // cfitsio's dates have whole seconds.
        try await Task.sleep(for: .milliseconds(1100))
        #expect(try file.bytes() == first)
    }
}
