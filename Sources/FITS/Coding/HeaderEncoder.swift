import CFITSIO

/// Writes cards to the current HDU, whose structural keywords are there already.
struct HeaderEncoder {
    let kind: StructuralKeywords.Kind

    func encode(_ header: FITSHeader, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        for card in header.cards where !StructuralKeywords.isStructural(card.keyword, kind: kind) {
            try encode(card, handle)
        }
    }

    private func encode(_ card: FITSCard, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        try check(card)
        let operation = "write card \(card.keyword) to"
        switch card.value {
        case .commentary(let text):
            try requireASCII(text, card.keyword)
            // Columns 9 to 80 hold the text.
            var rest = Substring(text)
            repeat {
                let line = card.keyword.padded(to: 8) + rest.prefix(72)
                rest = rest.dropFirst(72)
                try handle.call(operation) { ffprec($0, line, $1) }
            } while !rest.isEmpty
        case .undefined:
            try handle.call(operation) { ffpkyu($0, card.keyword, card.comment, $1) }
        case .string(let text):
            try requireASCII(text, card.keyword)
            for line in stringCards(card.keyword, text, comment: card.comment) {
                try handle.call(operation) { ffprec($0, line, $1) }
            }
        case .bool(let value): try record(card, value ? "T" : "F", handle)
        case .int(let value): try record(card, String(value), handle)
        case .float(let value):
            guard value.isFinite else {
                throw .invalidCard(
                    keyword: card.keyword, reason: "FITS has no spelling for \(value); write it as undefined")
            }
            // Swift's shortest text that reads back as the same number, with the exponent in upper case.
            try record(card, value.description.uppercased(), handle)
        }
    }

    /// The card of a string and its CONTINUE cards (FITS standard 4.0, section 4.2.1.2). cfitsio has a function for this
    /// too, but loses the text behind the first card of HIERARCH keywords (seen with 4.2.0).
    private func stringCards(_ keyword: String, _ text: String, comment: String) -> [String] {
        let isPlain =
            keyword.utf8.count <= 8
            && keyword.utf8.allSatisfy {
                (65...90).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
        var head = isPlain ? keyword.padded(to: 8) + "= " : "HIERARCH \(keyword) = "
        var pieces = text.map { $0 == "'" ? "''" : String($0) }[...]
        var lines: [String] = []
        repeat {
            // Two quotes, and the `&` that announces the next card.
            let room = 80 - head.utf8.count - 3
            var body = ""
            while let piece = pieces.first, body.utf8.count + piece.utf8.count <= room {
                body += piece
                pieces.removeFirst()
            }
            // One more character fits when it is the last.
            if pieces.count == 1, let piece = pieces.first, body.utf8.count + piece.utf8.count <= room + 1 {
                body += piece
                pieces.removeFirst()
            }
            // The standard wants values of at least eight characters for fixed format.
            lines.append(pieces.isEmpty ? "\(head)'\(body.padded(to: 8))'" : "\(head)'\(body)&'")
            head = "CONTINUE  "
        } while !pieces.isEmpty
        if !comment.isEmpty, let last = lines.last {
            let start = last.utf8.count < 30 && lines.count == 1 && isPlain ? last.padded(to: 30) : last
            lines[lines.count - 1] = String("\(start) / \(comment)".prefix(80))
        }
        return lines
    }

    private func record(_ card: FITSCard, _ value: String, _ handle: borrowing CFITSIOHandle) throws(FITSError) {
        var line = [CChar](repeating: 0, count: 162)
        var text = value.utf8CString.map { $0 }
        try handle.call("write card \(card.keyword) to") { pointer, status in
            ffmkky(card.keyword, &text, card.comment, &line, status)
            ffprec(pointer, line, status)
        }
    }

    private func check(_ card: FITSCard) throws(FITSError) {
        try requireASCII(card.comment, card.keyword)
        if case .commentary = card.value {
            guard ["COMMENT", "HISTORY", ""].contains(card.keyword) else {
                throw .invalidCard(
                    keyword: card.keyword, reason: "only COMMENT, HISTORY and blank cards hold plain text")
            }
            return
        }
        guard !card.keyword.isEmpty, card.keyword.utf8.count <= 60,
            card.keyword.utf8.allSatisfy({ (32..<127).contains($0) && $0 != UInt8(ascii: "=") }),
            card.keyword.utf8.first != 32, card.keyword.utf8.last != 32
        else {
            throw .invalidCard(
                keyword: card.keyword, reason: "keywords are 1 to 60 printable ASCII characters without '='")
        }
        guard !["COMMENT", "HISTORY"].contains(card.keyword) else {
            throw .invalidCard(keyword: card.keyword, reason: "its value must be plain text (commentary)")
        }
    }

    private func requireASCII(_ text: String, _ keyword: String) throws(FITSError) {
        guard text.utf8.allSatisfy({ (32..<127).contains($0) }) else {
            throw .invalidCard(
                keyword: keyword, reason: "FITS headers hold printable ASCII only; escape other characters")
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - utf8.count))
    }
}
