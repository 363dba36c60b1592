@testable import SkyGeometry

/// Regions around longitude 150.1°, latitude 2.2°, and special ones, with what `lsst.sphgeom` says of them.
enum GoldenRegions {
    static let encodings: [(name: String, hexadecimal: String)] = [
        (
            "polygon",
            "700161ead00bb1ebbfb89c716f06fddf3fc970b0641aaca23f43886d35b7c0ebbf741e586286c6df3fc970b0641aaca2"
                + "3f8bccd5f0aabfebbf75f9433b53c5df3f65a4481e03a3a43fcd20ca2300b0ebbfc4348c39d1fbdf3f65a4481e03a3a4"
                + "3f"
        ),
        (
            "bigPolygon",
            "700f0e10a0ce81ebbfa9b29a7d1e55e03f95f28ab8bf04993f0041412acef3ebbff762d284bd1ddf3f95f28ab8bf0499"
                + "3f55be0de121ecebbf64cf5de73215df3f0ec9ef48c7cbaa3ff265d0a1417aebbf223367c3a250e03f0ec9ef48c7cbaa"
                + "3f"
        ),
        (
            "farPolygon",
            "7052e92f37efc6c33f0db0bacb1e0f993f5ce42f94249befbf73104b5bdda7c33fb484cd66c3909e3f5ce42f94249bef"
                + "bf8596e5ee8df9c73f44a5413314a4a23fc2b638697d69efbf7e07c98d731fc83fb684cd66c3909e3fc2b638697d69ef"
                + "bf"
        ),
        (
            "box",
            "628ef4b68d5ae30440c899fb1a19070540b2bf43dee46ca13f0067d886b6e4a53f"
        ),
        (
            "wrappingBox",
            "62f4f2ec91426f18408744e74a185706408744e74a1857d6bf65732d3852c1e03f"
        ),
        (
            "emptyBox",
            "62000000000000f87f000000000000f87f000000000000f03f0000000000000000"
        ),
        (
            "fullBox",
            "620000000000000000182d4454fb211940182d4454fb21f9bf182d4454fb21f93f"
        ),
        (
            "circle",
            "636b35ec3862b8ebbfe2a50b0534e1df3f9225312191a7a33f1791092b4bbffc3e7789c9c25472753f"
        ),
        (
            "point",
            "636b35ec3862b8ebbfe2a50b0534e1df3f9225312191a7a33f00000000000000000000000000000000"
        ),
        (
            "bigCircle",
            "636b35ec3862b8ebbfe2a50b0534e1df3f9225312191a7a33fffffffffffff074065732d3852c10040"
        ),
        (
            "emptyCircle",
            "6300000000000000000000000000000000000000000000f03f000000000000f0bf000000000000f0bf"
        ),
        (
            "ellipse",
            "65fb1b04e9da36ccbf1a76b9d122cddcbf3844dd3940b1eb3f2c7da565a3b1dcbf933b5c21cdb7e7bfb8da4239f6f9df"
                + "bf6b35ec3862b8ebbfe2a50b0534e1df3f9225312191a7a33f2e98311f0193f8bfa3e2ba397edaf8bf0e9d944203f59e"
                + "3f4318c27ee1a23c40499a74761da54c40"
        ),
        (
            "emptyUnion",
            "75"
        ),
        (
            "fullIntersection",
            "69"
        ),
        (
            "union",
            "756100000000000000700161ead00bb1ebbfb89c716f06fddf3fc970b0641aaca23f43886d35b7c0ebbf741e586286c6"
                + "df3fc970b0641aaca23f8bccd5f0aabfebbf75f9433b53c5df3f65a4481e03a3a43fcd20ca2300b0ebbfc4348c39d1fb"
                + "df3f65a4481e03a3a43f61000000000000007052e92f37efc6c33f0db0bacb1e0f993f5ce42f94249befbf73104b5bdd"
                + "a7c33fb484cd66c3909e3f5ce42f94249befbf8596e5ee8df9c73f44a5413314a4a23fc2b638697d69efbf7e07c98d73"
                + "1fc83fb684cd66c3909e3fc2b638697d69efbf"
        ),
        (
            "intersection",
            "692900000000000000636b35ec3862b8ebbfe2a50b0534e1df3f9225312191a7a33f1791092b4bbffc3e7789c9c25472"
                + "753f6100000000000000700f0e10a0ce81ebbfa9b29a7d1e55e03f95f28ab8bf04993f0041412acef3ebbff762d284bd"
                + "1ddf3f95f28ab8bf04993f55be0de121ecebbf64cf5de73215df3f0ec9ef48c7cbaa3ff265d0a1417aebbf223367c3a2"
                + "50e03f0ec9ef48c7cbaa3f"
        ),
    ]

    /// Relationship bits of each sample (rows) to each (columns).
    static let relationships = [
        "6 4 1 4 4 1 4 4 2 4 3 0 1 4 4 4",
        "2 6 1 0 4 1 4 2 2 4 3 0 1 4 0 2",
        "1 1 6 1 1 1 4 1 1 4 3 1 1 4 4 1",
        "2 0 1 6 4 3 4 0 2 4 3 0 1 4 0 0",
        "2 2 1 2 6 3 4 2 2 0 3 2 1 4 0 2",
        "1 1 1 5 5 7 5 5 5 5 7 1 1 4 1 1",
        "2 2 2 2 2 3 6 2 2 2 3 2 1 4 2 2",
        "2 4 1 0 4 3 4 6 2 4 3 0 1 4 0 6",
        "4 4 1 4 4 3 4 4 6 4 3 0 1 4 4 4",
        "2 2 2 2 0 3 4 2 2 6 3 2 1 4 2 2",
        "5 5 5 5 5 7 5 5 5 5 7 1 1 4 5 5",
        "0 0 1 0 4 1 4 0 0 4 1 0 1 4 0 0",
        "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2",
        "2 0 2 0 0 1 4 0 2 4 3 0 1 4 4 0",
        "2 4 1 0 4 1 4 6 2 4 3 0 1 4 0 6",
    ]

    /// Overlap verdicts of each sample with each: y, n, or ? for unknown.
    static let overlaps = [
        "yynyynyyyyn?nny?",
        "yyn?ynyyyyn?nny?",
        "nnynnnynnynnnnyn",
        "y?nyynyyyyn?nyy?",
        "yynyynyyyynynyy?",
        "nnnnnnnnnnnnnnnn",
        "yyyyynyyyynynyy?",
        "yynyynyyyyn?nyy?",
        "yynyynyyyyn?nyy?",
        "yyyyynyyyynynyy?",
        "nnnnnnnnnnnnnnnn",
        "??n?yny??yn?ny??",
        "nnnnnnnnnnnnnnnn",
        "nnnyynyyyynynyny",
        "yyyyynyyyyn?nny?",
        "??n??n????n?nn??",
    ]
}
