import ByteText

/// Names of runs, to be found in paths.
public struct RunNames: Sendable {
    /// By what a template writes for them: with their slashes, or with `_` for each.
    private var withSlashes: [ExactName: Set<ExactName>] = [:]
    private var withoutSlashes: [ExactName: Set<ExactName>] = [:]

    public init(_ runs: some Sequence<String>) {
        for run in runs {
            withSlashes[FileTemplate.safe(run, keepingSlashes: true), default: []].insert(run)
            withoutSlashes[FileTemplate.safe(run, keepingSlashes: false), default: []].insert(run)
        }
    }

    /// The runs whose names are in a path, between marks or at its ends: it could be one of theirs by some other template.
    public func mentioned(in path: String) -> Set<ExactName> {
        let text = Array(path.unicodeScalars)
        func isOfWord(_ index: Int) -> Bool { text[index].properties.isAlphabetic || text[index].properties.numericType != nil }
        let edges = (0...text.count).filter { $0 == 0 || $0 == text.count || !isOfWord($0 - 1) || !isOfWord($0) }
        var found: Set<ExactName> = []
        for (index, start) in edges.enumerated() {
            for end in edges[(index + 1)...] {
                var run = String.UnicodeScalarView()
                run.append(contentsOf: text[start..<end])
                for keepsSlashes in [true, false] { found.formUnion(written(as: String(run), keepingSlashes: keepsSlashes)) }
            }
        }
        return found
    }

    func written(as text: String, keepingSlashes: Bool) -> Set<ExactName> {
        (keepingSlashes ? withSlashes : withoutSlashes)[text] ?? []
    }
}

/// Which run a path is of, by the template that could have made it.
extension FileTemplate {
    /// The runs whose datasets could have been given a path. What stands before the run in the template must be there, and
    /// so must the text behind it and something more; the rest is not looked at. A template without a run makes none.
    func runs(of path: String, among names: RunNames) -> Set<ExactName> {
        guard let (before, field, behind) = aroundRun else { return [] }
        let text = Array(path.unicodeScalars)
        var found: Set<ExactName> = []
        for start in ends(of: before, in: text) {
            for end in stride(from: text.count - 1, to: start, by: -1) {
                guard text[end...].starts(with: behind), end + behind.count < text.count || behind.isEmpty else { continue }
                var run = String.UnicodeScalarView()
                run.append(contentsOf: text[start..<end])
                found.formUnion(names.written(as: String(run), keepingSlashes: field.keepsSlashes))
            }
        }
        return found
    }

    private enum Piece {
        case text([Unicode.Scalar])
        /// The value of a field, which may be empty.
        case value(mayHoldSlashes: Bool)
    }

    /// What stands before the run, the field for it, and the text behind that.
    private var aroundRun: (before: [Piece], field: TemplateSyntax.Field, behind: [Unicode.Scalar])? {
        var before: [Piece] = []
        for (index, part) in syntax.parts.enumerated() {
            switch part {
            case .text(let text): before.append(.text(Array(text.unicodeScalars)))
            case .field(let field):
                let literal = Array(field.literal.unicodeScalars)
                guard field.alternatives.contains(where: { $0.text == "run" }) else {
                    // The text before an optional field may be missing with it.
                    before.append(field.isOptional ? .value(mayHoldSlashes: literal.contains("/")) : .text(literal))
                    before.append(.value(mayHoldSlashes: field.keepsSlashes))
                    continue
                }
                before.append(.text(literal))
                var behind: [Unicode.Scalar] = []
                switch syntax.parts.dropFirst(index + 1).first {
                case .text(let text): behind = Array(text.unicodeScalars)
                case .field(let next) where !next.isOptional: behind = Array(next.literal.unicodeScalars)
                default: break
                }
                return (before, field, behind)
            }
        }
        return nil
    }

    /// Where pieces can end that begin with a text.
    private func ends(of pieces: [Piece], in text: [Unicode.Scalar]) -> Set<Int> {
        var positions: Set<Int> = [0]
        for piece in pieces {
            var next: Set<Int> = []
            for position in positions {
                switch piece {
                case .text(let literal):
                    if text[position...].starts(with: literal) { next.insert(position + literal.count) }
                case .value(let mayHoldSlashes):
                    next.insert(position)
                    var end = position
                    while end < text.count, mayHoldSlashes || text[end] != "/" {
                        end += 1
                        next.insert(end)
                    }
                }
            }
            positions = next
        }
        return positions
    }
}
