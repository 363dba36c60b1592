import ButlerModel
import Testing

@Suite struct ExactNameTests {
    /// Pairs that `String` takes for equal.
    static let pairs = [("\u{e9}", "e\u{301}"), ("K", "\u{212a}"), ("\u{c5}", "\u{212b}"), (";", "\u{37e}")]

    @Test(arguments: pairs)
    func whatOnlyLooksAlikeIsNotEqual(a: String, b: String) {
        #expect(a == b)
        #expect(ExactName(a) != ExactName(b))
        #expect(Set([ExactName(a), ExactName(b), ExactName(a)]).count == 2)
        #expect((ExactName(a) < ExactName(b)) != (ExactName(b) < ExactName(a)))
        #expect(!NamePattern(a).matches(b) && NamePattern(a).matches(a))
        let audience = Audience.groups([ExactName(a)])
        #expect(audience.includes(anyOf: [ExactName(a)]) && !audience.includes(anyOf: [ExactName(b)]))
        #expect(CollectionOwner(collection: "u/\(a)/run") != CollectionOwner(collection: "u/\(b)/run"))
    }

    @Test func ownersAreFoundByBytes() {
        #expect(CollectionOwner(collection: "u/\u{301}x/run") == .user("\u{301}x"))
        #expect(CollectionOwner(collection: "g/few") == .group("few"))
        for name in ["u", "u\u{301}/x", "x/u/y", "", "/u/x", "ug/x"] {
            #expect(CollectionOwner(collection: name) == nil, "\(name)")
        }
    }
}
