"""Compares SkyGeometry with the observatory's geometry library, `lsst.sphgeom`, bit by bit.

Random regions, points and pixels are made with the Python library from a fixed seed. Each becomes a question for the
`sky-probe` executable, whose answer must equal what the Python library says: byte forms, verdicts, indices and ranges.

STEWARD_SKY_PROBE   path of the executable; default .build/debug/sky-probe, then .build/release/sky-probe
STEWARD_SKY_CASES   factor on the number of cases; default 1
STEWARD_SKY_SEED    seed of the random cases; default 20260101
"""

import base64
import math
import os
from pathlib import Path

import pytest

pytest.importorskip("lsst.sphgeom")

from lsst.sphgeom import (  # noqa: E402
    Angle,
    AngleInterval,
    Box,
    Circle,
    ConvexPolygon,
    Ellipse,
    HealpixPixelization,
    IntersectionRegion,
    LonLat,
    NormalizedAngle,
    NormalizedAngleInterval,
    Region,
    UnionRegion,
    UnitVector3d,
)
from sky_cases import (  # noqa: E402
    TREES,
    Cases,
    Sky,
    bits,
    bounds_text,
    overlap_text,
    ranges_text,
    region_text,
    relation_text,
    searched,
    vector_text,
)

ROOT = Path(__file__).resolve().parent.parent
FACTOR = float(os.environ.get("STEWARD_SKY_CASES", "1"))
SEED = int(os.environ.get("STEWARD_SKY_SEED", "20260101"))


def find_probe():
    named = os.environ.get("STEWARD_SKY_PROBE")
    candidates = [Path(named)] if named else [ROOT / ".build" / c / "sky-probe" for c in ("debug", "release")]
    return next((path for path in candidates if path.is_file()), None)


PROBE = find_probe()
pytestmark = pytest.mark.skipif(PROBE is None, reason="sky-probe is not built: run swift build --product sky-probe")


def count(n):
    return max(1, int(n * FACTOR))


def test_constructed_regions_have_equal_bytes():
    sky, cases = Sky(SEED), Cases(PROBE)
    for _ in range(count(6000)):
        v, words = sky.direction()
        cases.add(f"unit {words}", lambda v=v: vector_text(v))
        lon, lat = sky.lon(), sky.lat()
        cases.add(
            f"lonlat {bits(lon)} {bits(lat)}",
            lambda lon=lon, lat=lat: vector_text(UnitVector3d(LonLat.fromRadians(lon, lat))),
        )
        for shape in (sky.circle, sky.box, sky.polygon, sky.ellipse):
            question, make = shape()
            cases.add(f"make {question}", lambda make=make: region_text(make()))
    cases.check(count(6000) * 6)


def test_decoded_regions_have_equal_bytes_and_bounds():
    sky, cases = Sky(SEED + 1), Cases(PROBE)
    for _ in range(count(5000)):
        region = sky.region(3)
        cases.add(f"decode {region_text(region)}", lambda: region_text(Region.decode(region.encode())))
        try:
            expected = bounds_text(region)
        except RuntimeError:
            # The library gives up on polygons without area; there is nothing to compare with.
            continue
        cases.add(f"bounds {region_text(region)}", lambda: expected)
        if isinstance(region, Box | Circle):
            cases.add(f"area {region_text(region)}", lambda: bits(region.getArea()))
    cases.check(count(5000))


def test_points_are_contained_equally():
    sky, cases = Sky(SEED + 2), Cases(PROBE)
    for _ in range(count(4000)):
        region = sky.region()
        points = [sky.direction()]
        try:
            circle = region.getBoundingCircle()
            size = max(circle.getOpeningAngle().asRadians(), 1e-9)
            points += [sky.near(circle.getCenter(), size) for _ in range(3)]
        except RuntimeError:
            pass
        if isinstance(region, ConvexPolygon):
            v = sky.rng.choice(region.getVertices())
            points += [(v, vector_text(v)), sky.near(v, 1e-16)]
            # The probe normalises what it reads, which can move a vertex by a unit in the last place.
            points = [(UnitVector3d(p.x(), p.y(), p.z()), vector_text(p)) for p, _ in points]
        for v, words in points:
            cases.add(
                f"contains {region_text(region)} {words}", lambda v=v: "1" if region.contains(v) else "0"
            )
    cases.check(count(4000))


def test_pairs_have_equal_relations_and_overlaps():
    sky, cases = Sky(SEED + 3), Cases(PROBE)
    for _ in range(count(12000)):
        a, b = sky.pair()
        for x, y in ((a, b), (b, a)):
            try:
                expected = relation_text(x, y)
            except RuntimeError:
                continue
            cases.add(f"relate {region_text(x)} {region_text(y)}", lambda: expected)
    cases.check(count(12000))


def test_shaken_regions_are_judged_equally():
    """Vertices are moved in their last bits, so that polygons are no longer quite convex and axes not quite normal."""
    sky, cases = Sky(SEED + 10), Cases(PROBE)
    for _ in range(count(2000)):
        encoded = bytearray(sky.simple().encode())
        if b"\xf0\x7f" in encoded:
            # An infinite tangent would become NaN, which the probe refuses.
            continue
        for _ in range(sky.rng.randint(1, 12)):
            double = sky.rng.randrange((len(encoded) - 1) // 8)
            encoded[1 + 8 * double + sky.rng.randrange(3)] ^= 1 << sky.rng.randrange(8)
        cases.add(f"decode {encoded.hex()}", lambda: region_text(Region.decode(bytes(encoded))))
        if cases.answers[-1] is None:
            # The eastern end of a box that wraps was moved beyond 2π.
            continue
        a, b = Region.decode(bytes(encoded)), sky.simple()
        pixelization = TREES["HtmPixelization"][0](3)
        try:
            expected = relation_text(a, b)
            pixels = ranges_text(pixelization.envelope(searched(a)))
        except RuntimeError:
            continue
        cases.add(f"relate {encoded.hex()} {region_text(b)}", lambda: expected)
        cases.add(f"envelope HtmPixelization 3 0 {encoded.hex()}", lambda: pixels)
    cases.check(count(2000))


def test_neighbouring_pixels_have_equal_relations():
    sky, cases = Sky(SEED + 4), Cases(PROBE)
    for _ in range(count(1500)):
        name, (cls, _) = sky.rng.choice(list(TREES.items()))
        level = sky.rng.randint(0, 8)
        pixelization = cls(level)
        i = pixelization.index(sky.direction()[0])
        universe = pixelization.universe()
        j = max(0, i + sky.rng.randint(-4, 4))
        if not universe.contains(j):
            j = i
        a, b = pixelization.pixel(i), pixelization.pixel(j)
        cases.add(f"relate {region_text(a)} {region_text(b)}", lambda: relation_text(a, b))
        finer = cls(level + 1)
        c = finer.pixel(i * 4 + sky.rng.randrange(4))
        cases.add(f"relate {region_text(a)} {region_text(c)}", lambda: relation_text(a, c))
    cases.check(count(1500))


def test_indices_pixels_and_names_are_equal():
    sky, cases = Sky(SEED + 5), Cases(PROBE)
    for _ in range(count(3000)):
        for name, (cls, greatest) in TREES.items():
            level = sky.rng.randint(0, greatest)
            pixelization = cls(level)
            v, words = sky.direction()
            i = pixelization.index(v)
            cases.add(f"index {name} {level} {words}", lambda: str(i))
            if sky.rng.random() < 0.1:
                i = sky.rng.choice([0, 1, 7, 9, 1 << 40, (1 << 63) + 5, i * 4, i * 2])
            cases.add(f"pixel {name} {level} {i}", lambda: region_text(pixelization.pixel(i)))
            cases.add(f"name {name} {level} {i}", lambda: pixelization.toString(i))
            if level < 30:
                # At level 30, the library's range ends at 2**64, which it writes as zero.
                cases.add(f"universe {name} {level}", lambda: ranges_text(pixelization.universe()))
    cases.check(count(3000) * 10)


@pytest.mark.parametrize("name", list(TREES))
def test_envelopes_and_interiors_are_equal(name):
    sky, cases = Sky(f"{SEED + 6}{name}"), Cases(PROBE)
    cls, greatest = TREES[name]
    for _ in range(count(1500)):
        region = sky.region()
        try:
            size = region.getBoundingCircle().getOpeningAngle().asRadians()
        except RuntimeError:
            continue
        # Levels at which the region has up to some thousand pixels along its border.
        fitting = 5 if size <= 0 else int(5 - math.log2(max(size, 1e-7)))
        if isinstance(region, Box | UnionRegion | IntersectionRegion):
            fitting = min(fitting, 7)
        level = sky.rng.randint(0, max(0, min(fitting, greatest)))
        limit = sky.rng.choice([0, 0, 0, 1, 2, 5, 17])
        pixelization = cls(level)
        for verb, answer in (("envelope", pixelization.envelope), ("interior", pixelization.interior)):
            try:
                expected = ranges_text(answer(searched(region), limit))
            except RuntimeError:
                continue
            cases.add(f"{verb} {name} {level} {limit} {region_text(region)}", lambda: expected)
    cases.check(count(1500))


def test_healpix_is_equal():
    sky, cases = Sky(SEED + 7), Cases(PROBE)
    for _ in range(count(400)):
        level = sky.rng.randint(0, 17)
        pixelization = HealpixPixelization(level)
        v, words = sky.direction()
        i = int(pixelization.index(v))
        cases.add(f"index HealpixPixelization {level} {words}", lambda: str(i))
        cases.add(f"pixel HealpixPixelization {level} {i}", lambda: region_text(pixelization.pixel(i)))
        region = sky.region(1)
        try:
            size = region.getBoundingCircle().getOpeningAngle().asRadians()
        except RuntimeError:
            continue
        fitting = 4 if size <= 0 else int(3 - math.log2(max(size, 1e-5)))
        level = sky.rng.randint(0, max(0, min(fitting, 17)))
        pixelization = HealpixPixelization(level)
        limit = 1 if sky.rng.random() < 0.02 else 0
        cases.add(
            f"envelope HealpixPixelization {level} {limit} {region_text(region)}",
            lambda: ranges_text(pixelization.envelope(region, limit)),
        )
        if isinstance(region, Circle) and region.getOpeningAngle().asRadians() == 0.0:
            # The library fails with a TypeError on the interior of a point; the probe finds that there is none.
            continue
        cases.add(
            f"interior HealpixPixelization {level} {limit} {region_text(region)}",
            lambda: ranges_text(pixelization.interior(region, limit)),
        )
    cases.check(count(400) * 3)


def test_texts_are_read_equally():
    sky, cases = Sky(SEED + 8), Cases(PROBE)

    def encoded(region):
        return base64.b64encode(region.encode()).decode()

    for _ in range(count(600)):
        parts = [encoded(sky.region()) for _ in range(sky.rng.randint(0, 4))]
        if sky.rng.random() < 0.1:
            parts.append(sky.rng.choice(["", "A", "AAAA", "Y===", "!!!!", "dQ==", "aQ=="]))
        text = ":".join(parts)
        cases.add(f"text {text}", lambda: region_text(Region.decodeBase64(text)))
        terms = ["&".join(map(encoded, sky.pair())) for _ in range(sky.rng.randint(0, 3))]
        if sky.rng.random() < 0.1:
            terms.append(sky.rng.choice(["", "dQ==", "&", "dQ==&aQ=="]))
        expression = "|".join(terms)
        cases.add(f"expression {expression}", lambda: overlap_text(Region.decodeOverlapsBase64(expression)))
    cases.check(count(600) * 2)


def test_position_strings_are_read_equally():
    sky, cases = Sky(SEED + 9), Cases(PROBE)
    r = sky.rng
    for _ in range(count(600)):
        shape = r.choice(["CIRCLE", "RANGE", "POLYGON", "POLYGON", "circle", "BOX"])
        size = {"CIRCLE": 3, "RANGE": 4}.get(shape, 2 * r.randint(3, 6))
        if r.random() < 0.1:
            size += r.choice([-1, 1])
        numbers = [repr(r.uniform(-100, 370) if i % 2 == 0 else r.uniform(-95, 95)) for i in range(size)]
        if shape == "RANGE":
            numbers = [repr(r.uniform(-30, 370)) for _ in range(2)] + [repr(r.uniform(-91, 91)) for _ in range(2)]
            numbers = [r.choice(["Inf", "-Inf", "+Inf"]) if r.random() < 0.2 else n for n in numbers][:size]
        if r.random() < 0.03:
            numbers[0] = r.choice(["x", "0x10", "--1"])
        text = " ".join([shape, *numbers])
        cases.add(f"make pos {text}", lambda: region_text(Region.from_ivoa_pos(text)))
    cases.check(count(600))


def test_degenerate_forms_are_equal():
    cases = Cases(PROBE)
    v = UnitVector3d(1, 2, 3)
    regions = [
        Box(),
        Box.full(),
        Box(NormalizedAngleInterval(NormalizedAngle(5.0), NormalizedAngle(1.0)), AngleInterval(Angle(-1), Angle(1))),
        Circle(),
        Circle.full(),
        Circle(v),
        Circle(v, Angle(4.0)),
        Ellipse(),
        Ellipse.full(),
        UnionRegion(),
        IntersectionRegion(),
        UnionRegion(UnionRegion(Circle(v)), IntersectionRegion()),
        IntersectionRegion(UnionRegion(), IntersectionRegion(Box.full(), Circle(v))),
        ConvexPolygon([UnitVector3d.X(), UnitVector3d.Y(), UnitVector3d.Z()]),
    ]
    for a in regions:
        cases.add(f"decode {region_text(a)}", lambda: region_text(a))
        cases.add(f"bounds {region_text(a)}", lambda: bounds_text(a))
        for name, (cls, _) in TREES.items():
            for verb in ("envelope", "interior"):
                cases.add(
                    f"{verb} {name} 3 0 {region_text(a)}", lambda: ranges_text(getattr(cls(3), verb)(searched(a)))
                )
        for b in regions:
            cases.add(f"relate {region_text(a)} {region_text(b)}", lambda: relation_text(a, b))
    for broken in ("", "78", "62", "63" + "00" * 39, "70" + "00" * 48, "75" + "ff" * 8, "69" + "01" + "00" * 7):
        cases.add(f"decode {broken}", lambda: region_text(Region.decode(bytes.fromhex(broken))))
    cases.check(len(regions) ** 2)
