"""Random sky regions, and the questions about them that the `sky-probe` executable must answer as `lsst.sphgeom`."""

import math
import random
import struct
import subprocess

from lsst.sphgeom import (
    Angle,
    AngleInterval,
    Box,
    Circle,
    ConvexPolygon,
    Ellipse,
    HtmPixelization,
    IntersectionRegion,
    LonLat,
    Mq3cPixelization,
    NormalizedAngleInterval,
    Q3cPixelization,
    UnionRegion,
    UnitVector3d,
)

PI = math.pi

TREES = {
    "HtmPixelization": (HtmPixelization, 24),
    "Q3cPixelization": (Q3cPixelization, 30),
    "Mq3cPixelization": (Mq3cPixelization, 30),
}


# Texts of values, as the probe writes them.


def bits(value):
    return struct.pack(">d", value).hex()


def vector_text(v):
    return f"{bits(v.x())} {bits(v.y())} {bits(v.z())}"


def region_text(region):
    return region.encode().hex()


def ranges_text(ranges):
    return ",".join(f"{a}-{b}" for a, b in ranges.ranges())


def overlap_text(value):
    return {True: "yes", False: "no", None: "unknown"}[value]


def relation_text(a, b):
    return f"{int(a.relate(b))} {overlap_text(a.overlaps(b))}"


def bounds_text(region):
    box3 = region.getBoundingBox3d()
    sides = [bits(f()) for axis in (box3.x(), box3.y(), box3.z()) for f in (axis.getA, axis.getB)]
    return " ".join([region_text(region.getBoundingBox()), region_text(region.getBoundingCircle()), *sides])


class Cases:
    """Questions with the answers they must get. None stands for an error."""

    def __init__(self, probe):
        self.probe = probe
        self.questions = []
        self.answers = []

    def add(self, question, answer):
        """Adds a question and a function that gives its answer or raises."""
        try:
            text = answer()
        except (ValueError, RuntimeError, TypeError, NotImplementedError):
            text = None
        self.questions.append(question)
        self.answers.append(text)

    def check(self, at_least):
        assert len(self.questions) >= at_least
        done = subprocess.run(
            [str(self.probe)], input="\n".join(self.questions) + "\n", capture_output=True, text=True, timeout=3000
        )
        assert done.returncode == 0, done.stderr
        given = done.stdout.splitlines()
        assert len(given) == len(self.questions)
        wrong = [
            (question, expected, answer)
            for question, expected, answer in zip(self.questions, self.answers, given, strict=True)
            if (answer.startswith("error") if expected is not None else not answer.startswith("error"))
            or (expected is not None and answer != expected)
        ]
        report = "\n".join(f"{q[:600]}\n  expected {str(e)[:300]}\n  answered {a[:300]}" for q, e, a in wrong[:5])
        assert not wrong, f"{len(wrong)} of {len(given)} answers differ:\n{report}"


class Sky:
    """Random directions, angles and regions, with many that lie on borders."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def triple(self):
        """Components of a vector of any length."""
        r = self.rng
        kind = r.random()
        if kind < 0.6:
            return [r.gauss(0, 1) for _ in range(3)]
        if kind < 0.75:
            return list(r.choice([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z]))
        if kind < 0.9:
            near = [float(x) for x in self.triple()]
            size = 10.0 ** r.uniform(-18, -2)
            return [x + r.gauss(0, size) for x in near]
        if kind < 0.95:
            zeroed = [r.gauss(0, 1) for _ in range(3)]
            zeroed[r.randrange(3)] = r.choice([0.0, -0.0])
            return zeroed
        scale = 10.0 ** r.uniform(-300, 300)
        return [r.gauss(0, 1) * scale for _ in range(3)]

    def direction(self):
        """A direction, and the probe's words for it."""
        x, y, z = (float(c) for c in self.triple())
        return UnitVector3d(x, y, z), f"{bits(x)} {bits(y)} {bits(z)}"

    def near(self, v, size):
        """A direction about `size` radians away from another."""
        c = [v.x(), v.y(), v.z()]
        x, y, z = (a + self.rng.gauss(0, size) for a in c)
        if x == y == z == 0.0:
            x = 1.0
        return UnitVector3d(x, y, z), f"{bits(x)} {bits(y)} {bits(z)}"

    def size(self):
        r = self.rng
        kind = r.random()
        if kind < 0.7:
            return 10.0 ** r.uniform(-4, 0.5)
        if kind < 0.8:
            return 10.0 ** r.uniform(-17, -4)
        return r.choice([0.0, PI / 2, PI, PI / 4, 3.5, 1e-300, -1.0, -1e-9, 2 * PI, math.nextafter(PI, 0)])

    def lat(self):
        r = self.rng
        if r.random() < 0.25:
            return r.choice([PI / 2, -PI / 2, 0.0, -0.0, PI / 4, math.nextafter(PI / 2, 0)])
        return r.uniform(-PI / 2, PI / 2)

    def lon(self):
        r = self.rng
        if r.random() < 0.25:
            return r.choice([0.0, PI / 2, PI, 1.5 * PI, 2 * PI, -0.0, math.nextafter(2 * PI, 0), 1e-17])
        return r.uniform(-7, 14)

    def circle(self):
        v, words = self.direction()
        a = self.size()
        return f"circle {words} {bits(a)}", lambda: Circle(v, Angle(a))

    def box(self):
        r = self.rng
        lon1, lon2, lat1, lat2 = self.lon(), self.lon(), self.lat(), self.lat()
        if r.random() < 0.8:
            lat1, lat2 = min(lat1, lat2), max(lat1, lat2)
        kind = r.random()
        if kind < 0.3:
            return (
                f"box {bits(lon1)} {bits(lat1)} {bits(lon2)} {bits(lat2)}",
                lambda: Box(LonLat.fromRadians(lon1, lat1), LonLat.fromRadians(lon2, lat2)),
            )
        if kind < 0.7:
            w, h = self.size(), self.size()
            return (
                f"centeredbox {bits(lon1)} {bits(lat1)} {bits(w)} {bits(h)}",
                lambda: Box(LonLat.fromRadians(lon1, lat1), Angle(w), Angle(h)),
            )
        return (
            f"rangebox {bits(lon1)} {bits(lon2)} {bits(lat1)} {bits(lat2)}",
            lambda: Box(NormalizedAngleInterval.fromRadians(lon1, lon2), AngleInterval.fromRadians(lat1, lat2)),
        )

    def polygon(self):
        r = self.rng
        center, _ = self.direction()
        size = 10.0 ** r.uniform(-3.5, 0) if r.random() < 0.9 else 10.0 ** r.uniform(-16, -3)
        if r.random() < 0.85:
            points = [self.near(center, size) for _ in range(r.randint(3, 12))]
        else:
            points = [self.direction() for _ in range(r.randint(1, 6))]
        if r.random() < 0.1:
            points += [r.choice(points) for _ in range(3)]
        words = " ".join(w for _, w in points)
        return f"polygon {words}", lambda: ConvexPolygon([v for v, _ in points])

    def ellipse(self):
        r = self.rng
        v, words = self.direction()
        if r.random() < 0.5:
            f2, words2 = self.near(v, 10.0 ** r.uniform(-6, 0)) if r.random() < 0.9 else (v, words)
            a = self.size()
            return f"foci {words} {words2} {bits(a)}", lambda: Ellipse(v, f2, Angle(a))
        a, b, o = self.size(), self.size(), r.uniform(-7, 7)
        if r.random() < 0.2:
            b = a
        return (
            f"ellipse {words} {bits(a)} {bits(b)} {bits(o)}",
            lambda: Ellipse(v, Angle(a), Angle(b), Angle(o)),
        )

    def pixel(self):
        """A pixel, so that regions share vertices and edges."""
        name = self.rng.choice(list(TREES))
        level = self.rng.randint(0, 6)
        pixelization = TREES[name][0](level)
        return pixelization.pixel(pixelization.index(self.direction()[0]))

    def simple(self):
        """A region without parts."""
        while True:
            if self.rng.random() < 0.1:
                return self.pixel()
            _, make = self.rng.choice([self.circle, self.box, self.polygon, self.ellipse])()
            try:
                return make()
            except (ValueError, RuntimeError):
                continue

    def region(self, depth=2):
        if depth == 0 or self.rng.random() < 0.8:
            return self.simple()
        compound = self.rng.choice([UnionRegion, IntersectionRegion])
        return compound(*(self.region(depth - 1) for _ in range(self.rng.randint(0, 3))))

    def pair(self):
        """Two regions, often of like size and place."""
        a = self.region()
        if self.rng.random() < 0.5:
            return a, self.region()
        if self.rng.random() < 0.1:
            return a, a
        try:
            circle = a.getBoundingCircle()
        except RuntimeError:
            return a, self.region()
        size = max(circle.getOpeningAngle().asRadians(), 1e-9)
        v, _ = self.near(circle.getCenter(), size)
        kind = self.rng.random()
        if kind < 0.3:
            return a, Circle(v, Angle(size * self.rng.uniform(0.1, 2)))
        if kind < 0.6:
            return a, Box(LonLat(v), Angle(size * self.rng.uniform(0.1, 2)), Angle(size * self.rng.uniform(0.1, 2)))
        try:
            return a, ConvexPolygon([self.near(v, size)[0] for _ in range(self.rng.randint(3, 8))])
        except (ValueError, RuntimeError):
            return a, a


def searched(region):
    """The region with ellipses replaced by their bounding circles.

    That is what the library searches for an ellipse, but it keeps a reference to the circle after the circle is gone,
    and may crash.
    """
    if isinstance(region, Ellipse):
        return region.getBoundingCircle()
    if isinstance(region, UnionRegion | IntersectionRegion):
        return type(region)(*(searched(region.cloneOperand(i)) for i in range(region.nOperands())))
    return region
