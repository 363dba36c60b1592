import Testing

@testable import ImageTransfer

struct FormFieldsTests {
    private let type = "multipart/form-data; boundary=\"--x\""

    @Test func fieldsOfBothEncodings() {
        let pairs = FormFields.read(
            "file=%2Fa+b&uri=s3%3A%2F%2Fb%2Fk&file=other", contentType: "application/x-www-form-urlencoded; charset=utf-8")
        #expect(pairs == ["file": "/a b", "uri": "s3://b/k"])
        let body = "----x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n/a b\r\n----x\r\nX: y\r\n"
            + "content-disposition: form-data; name=uri\r\nX: z\r\n\r\ns3://b/k\u{301}\r\n\r\n\r\n----x--\r\n"
        #expect(FormFields.read(body, contentType: type) == ["file": "/a b", "uri": "s3://b/k\u{301}\r\n\r\n"])
        #expect(FormFields.read("file=a", contentType: "text/plain") == [:])
    }

    @Test(arguments: [
        "", "----x", "----x\r\n", "----x\r\n\r\n----x--", "----x\r\nContent-Disposition: form-data\r\n\r\na\r\n----x--",
        "----x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\na\r\n----x",
    ])
    func whatIsNoFormIsRefused(body: String) {
        #expect(FormFields.read(body, contentType: type) == nil)
    }

    @Test func longBoundariesAreRefused() {
        let boundary = String(repeating: "-", count: 71)
        #expect(FormFields.read("--\(boundary)--", contentType: "multipart/form-data; boundary=\(boundary)") == nil)
    }
}
