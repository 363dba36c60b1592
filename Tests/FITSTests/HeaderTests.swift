import FITS
import Testing

@Suite struct HeaderTests {
    private func roundTrip(_ header: FITSHeader) throws -> FITSHeader {
        try FITSFile(bytes: FITSFile(hdus: [.image(FITSImageHDU(header: header))]).bytes()).hdus[0].header
    }

    @Test func cardsOfEveryKindKeepValueCommentAndOrder() throws {
        let header = FITSHeader([
            FITSCard("TRUE", .bool(true), comment: "a flag"),
            FITSCard("FALSE", .bool(false)),
            FITSCard("BIG", .int(.max)), FITSCard("SMALL", .int(.min), comment: "least"),
            FITSCard("PI", .float(3.141_592_653_589_793)), FITSCard("TINY", .float(.leastNonzeroMagnitude)),
            FITSCard("ROUND", .float(1)), FITSCard("LARGE", .float(1e300)), FITSCard("NEG", .float(-0.1)),
            FITSCard("QUOTE", .string("it's 'quoted' / not a comment"), comment: "c"),
            FITSCard("EMPTY", .string("")), FITSCard("LEAD", .string("  x")), FITSCard("AMP", .string("a&b&")),
            FITSCard("NOVALUE", .undefined, comment: "unknown"),
            FITSCard("COMMENT", .commentary("first / comment = 'x'")),
            FITSCard("HISTORY", .commentary("made by a test")),
            FITSCard("", .commentary("blank keyword")),
            FITSCard("COMMENT", .commentary("")),
            FITSCard("AFTER", .int(1)),
        ])
        #expect(try roundTrip(header) == header)
    }

    @Test(arguments: [60, 67, 68, 69, 70, 136, 137, 500, 3000])
    func longStringsContinueOverCards(length: Int) throws {
        let text =
            String((0..<length).map { "abcdefghijklmnopqrstuvwxyz '&/=".randomAccess($0 * 7 + $0 / 5) })
            + "."
        let header = FITSHeader([
            FITSCard("LONG", .string(text)), FITSCard("NEXT", .int(5), comment: "after"),
            FITSCard("LSST BUTLER DATAID INSTRUMENT", .string(text)),
        ])
        let read = try roundTrip(header)
        #expect(read.string("LONG") == text)
        #expect(read.string("LSST BUTLER DATAID INSTRUMENT") == text)
        #expect(read.int("NEXT") == 5)
        #expect(read.cards.count == 3)
    }

    @Test func hierarchKeywordsAreReadAndWritten() throws {
        let header = FITSHeader([
            FITSCard("HIERARCH ESO DET CHIP1 NAME", .string("CCD 44")), FITSCard("LSST BUTLER ID", .int(7)),
            FITSCard("a long keyword name", .float(2.5), comment: "text"), FITSCard("LSST LONG FLAG", .bool(true)),
        ])
        let read = try roundTrip(header)
        #expect(read == header)
        #expect(read.string("ESO DET CHIP1 NAME") == "CCD 44")
        #expect(read.string("HIERARCH eso det chip1 name") == "CCD 44")
        #expect(read.double("A LONG KEYWORD NAME") == 2.5)
    }

    @Test func settingReplacesTheLastCardAndNilRemovesAll() {
        var header = FITSHeader([FITSCard("A", .int(1)), FITSCard("B", .int(2)), FITSCard("A", .int(3))])
        #expect(header.int("a") == 3)
        header["A"] = .int(4)
        #expect(header.cards.map(\.value) == [.int(1), .int(2), .int(4)])
        header["C"] = .string("new")
        #expect(header.cards.last?.keyword == "C")
        header["A"] = nil
        #expect(header.cards.map(\.keyword) == ["B", "C"])
        #expect(header.double("B") == 2 && header.bool("B") == nil && header.string("missing") == nil)
    }

    @Test func longCommentariesAreSplit() throws {
        var header = FITSHeader()
        header.append(commentary: String(repeating: "x", count: 100))
        #expect(
            try roundTrip(header).commentary() == [
                String(repeating: "x", count: 72), String(repeating: "x", count: 28),
            ])
    }

    @Test func structuralKeywordsFollowTheData() throws {
        let header = FITSHeader([
            FITSCard("BITPIX", .int(8)), FITSCard("NAXIS1", .int(5000)), FITSCard("BZERO", .float(3)),
            FITSCard("SIMPLE", .bool(false)), FITSCard("CHECKSUM", .string("x")), FITSCard("ZCMPTYPE", .string("mine")),
            FITSCard("OBJECT", .string("M 31")),
        ])
        let image = try FITSImage(shape: [2, 3], pixels: .uint16([1, 2, 3, 4, 5, 65535]))
        let file = FITSFile(hdus: [.image(FITSImageHDU(header: header, image: image))])
        let read = try FITSFile(bytes: file.bytes())
        #expect(read.hdus[0].image == image)
        #expect(read.hdus[0].header.cards.map(\.keyword) == ["ZCMPTYPE", "OBJECT"])
    }

    @Test(arguments: [
        FITSCard("X", .float(.nan)), FITSCard("X", .float(.infinity)), FITSCard("X", .string("é")),
        FITSCard("X", .string("a\nb")), FITSCard("X", .int(1), comment: "ü"), FITSCard("", .int(1)),
        FITSCard("A=B", .int(1)), FITSCard("COMMENT", .int(1)), FITSCard("X", .commentary("x")),
        FITSCard(String(repeating: "K", count: 70), .int(1)), FITSCard(" X", .int(1)),
        FITSCard("HISTORY", .commentary("\u{7}")),
    ])
    func cardsThatFITSCannotHoldAreRefusedByName(card: FITSCard) throws {
        let error = #expect(throws: FITSError.self) { try roundTrip(FITSHeader([card])) }
        guard case .invalidCard(let keyword, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(keyword == card.keyword)
    }
}

extension String {
    fileprivate func randomAccess(_ index: Int) -> Character { self[self.index(startIndex, offsetBy: index % count)] }
}
