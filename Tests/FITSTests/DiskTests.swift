import FITS
import Foundation
import Testing

@Suite struct DiskTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fits-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func filesAreWrittenWholeAndReadBackWhateverTheirName() throws {
        try withFolder { folder in
            let file = FITSFile(hdus: [.image(FITSImageHDU(header: FITSHeader([FITSCard("A", .int(1))])))])
            // Names that cfitsio's extended syntax would interpret.
            for name in ["a.fits", "b[1].fits", "!c.fits", "d(e).fits", "é #%.fits", "f.fits[pix 3]"] {
                let path = folder + "/" + name
                try file.write(to: path)
                let read = try FITSFile(contentsOf: path)
                #expect(read == file)
                #expect(throws: FITSError.alreadyExists(file: path)) { try file.write(to: path) }
                try file.write(to: path, overwriting: true)
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names.count == 6)
        }
    }

    @Test func failuresNameTheFileAndLeaveNothing() throws {
        try withFolder { folder in
            let file = FITSFile(hdus: [.image(FITSImageHDU())])
            for path in [folder + "/no/such/folder.fits", "/proc/self/x.fits"] {
                let error = #expect(throws: FITSError.self) { try file.write(to: path) }
                #expect(error?.description.contains(path) == true)
            }
            for path in [folder, folder + "/none.fits", "/dev/zero"] {
                let error = #expect(throws: FITSError.self) { try FITSFile(contentsOf: path) }
                #expect(error?.description.contains(path) == true)
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names.isEmpty)
        }
    }
}
