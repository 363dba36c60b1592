import CFITSIO

/// Reads the cards of the current HDU.
struct HeaderDecoder {
    let kind: StructuralKeywords.Kind

    func decode(_ handle: borrowing CFITSIOHandle) throws(FITSError) -> FITSHeader {
        var count: Int32 = 0
        try handle.call("read the header of") { ffghsp($0, &count, nil, $1) }
        var cards: [FITSCard] = []
        // A string that ends in `&` goes on in the next card, if that is a CONTINUE card.
        var continued: String?
        for index in 0..<max(0, count) {
            var raw = [CChar](repeating: 0, count: 81)
            try handle.call("read the header of") { ffgrec($0, index + 1, &raw, $1) }
            if let head = continued, String(fixedBuffer: Array(raw.prefix(8))) == "CONTINUE", var last = cards.popLast()
            {
                // cfitsio parses the value when the card looks like one of an ordinary keyword.
                raw.replaceSubrange(0..<10, with: "CONTTEXT= ".utf8.map { CChar($0) })
                let (text, comment) = try parse(raw, handle)
                guard case .string(let piece) = text else {
                    throw .invalidCard(keyword: last.keyword, reason: "its CONTINUE card holds no string")
                }
                last.value = .string(String(head.dropLast()) + piece)
                if !comment.isEmpty { last.comment = last.comment.isEmpty ? comment : last.comment + comment }
                cards.append(last)
                continued = piece.hasSuffix("&") ? String(head.dropLast()) + piece : nil
                continue
            }
            continued = nil
            let keyword = try name(of: &raw, handle)
            if StructuralKeywords.isStructural(keyword, kind: kind) { continue }
            if ["COMMENT", "HISTORY", ""].contains(keyword) {
                let text = String(fixedBuffer: Array(raw.dropFirst(8)))
                cards.append(FITSCard(keyword, .commentary(trimmedEnd(text))))
                continue
            }
            let (value, comment) = try parse(raw, handle)
            cards.append(FITSCard(keyword, value, comment: comment))
            if case .string(let text) = value, text.hasSuffix("&") { continued = text }
        }
        if kind == .compressedImage,
            cards.last(where: { $0.keyword == "EXTNAME" })?.value == .string("COMPRESSED_IMAGE")
        {
            cards.removeAll { $0.keyword == "EXTNAME" }
        }
        return FITSHeader(cards)
    }

    private func name(of raw: inout [CChar], _ handle: borrowing CFITSIOHandle) throws(FITSError) -> String {
        var buffer = [CChar](repeating: 0, count: 81)
        var length: Int32 = 0
        try handle.call("read a keyword of") { _, status in ffgknm(&raw, &buffer, &length, status) }
        return trimmedEnd(String(fixedBuffer: buffer)).uppercased()
    }

    private func parse(_ card: [CChar], _ handle: borrowing CFITSIOHandle) throws(FITSError) -> (FITSValue, String) {
        var raw = card
        var value = [CChar](repeating: 0, count: 161)
        var comment = [CChar](repeating: 0, count: 161)
        try handle.call("read a card of") { _, status in ffpsvc(&raw, &value, &comment, status) }
        let text = String(fixedBuffer: value)
        let remark = trimmedEnd(String(fixedBuffer: comment))
        guard let first = text.utf8.first else { return (.undefined, remark) }
        if first == UInt8(ascii: "'") { return (.string(unquoted(text)), remark) }
        if first == UInt8(ascii: "T") || first == UInt8(ascii: "F") {
            return (.bool(first == UInt8(ascii: "T")), remark)
        }
        if let number = Int64(text) { return (.int(number), remark) }
        // Fortran writes the exponent with D.
        if let number = Double(text.replacing("D", with: "E").replacing("d", with: "e")), number.isFinite {
            return (.float(number), remark)
        }
        // Complex numbers and damaged values: the text as it is, so that nothing is lost.
        return (.string(text), remark)
    }

    /// The text of a quoted string: doubled quotes become one, trailing blanks go (a string of blanks keeps one).
    private func unquoted(_ text: String) -> String {
        var body = text.utf8.dropFirst()
        if body.last == UInt8(ascii: "'") { body.removeLast() }
        return trimmedEnd(String(Substring(body)).replacing("''", with: "'"))
    }

    private func trimmedEnd(_ text: String) -> String {
        var bytes = Substring(text).utf8
        while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
        return String(Substring(bytes))
    }
}
