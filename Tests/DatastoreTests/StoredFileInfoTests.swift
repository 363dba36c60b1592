import ButlerModel
import StructuredData
import Testing

@testable import Datastore

@Suite struct StoredFileInfoTests {
    @Test(arguments: [
        ("a/b c.fits", "a/b c.fits"), ("zips/1/x.zip#zip-path=m.json", "zips/1/x.zip#zip-path=m.json"),
        ("file:///data/a%20b.fits", "data/a b.fits"), ("s3://bucket/d/x.fits", "d/x.fits"),
        ("https://host:80/d/x.zip#zip-path=m.json", "d/x.zip#zip-path=m.json"),
    ])
    func theWireFormHasARelativePath(_ recorded: String, _ sent: String) throws {
        let info = StoredFileInfo(
            formatter: "f", path: recorded, storageClass: "int", component: "c", checksum: "ab", fileSize: 5)
        #expect(
            info.wire == [
                "formatter": "f", "path": .string(sent), "storage_class": "int", "component": "c", "checksum": "ab",
                "file_size": 5,
            ])
        let read = try StoredFileInfo(wire: DocumentReader(info.wire, path: "info"))
        #expect(read.path == sent && read.component == "c" && read.fileSize == 5)
    }

    @Test func noComponentHasAStoredNameOfItsOwn() throws {
        #expect(StoredFileInfo.component(stored: "__NULL_STRING__") == nil)
        #expect(StoredFileInfo.component(stored: "") == nil)
        #expect(StoredFileInfo.component(stored: "wcs") == "wcs")
        let info = try StoredFileInfo(
            wire: DocumentReader(["formatter": "f", "path": "p", "storage_class": "s", "file_size": -1], path: "info"))
        #expect(info.component == nil && info.checksum == nil)
        #expect(info.wire["component"] == .null)
        #expect(throws: ButlerError.self) { try StoredFileInfo(wire: DocumentReader(["path": "p"], path: "info")) }
    }

    @Test func idsSurviveTheDatabaseForm() {
        let id = DatasetID(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
        let uuid = id.uuid
        #expect(uuid.uuidString.lowercased() == id.description)
        #expect(DatasetID(uuid) == id)
    }
}
