"""Compares time literals as Steward reads them with the parser of lsst.daf.butler, over generated literals.

The probe is the executable `time-probe` of this package; STEWARD_TIME_PROBE names another path.
"""

import os
import pathlib
import random
import re
import subprocess
import warnings

import pytest

astropy_time = pytest.importorskip("astropy.time")
parser = pytest.importorskip("lsst.daf.butler.queries.expressions.parser.parserYacc")
time_utils = pytest.importorskip("lsst.daf.butler.time_utils")

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCALES = ["tai", "utc", "tt", "tdb", "tcb", "tcg"]
# Steward has no Earth rotation tables and says so.
UNSUPPORTED_SCALES = ["ut1"]


def probe_path():
    named = os.environ.get("STEWARD_TIME_PROBE")
    candidates = [named] if named else [ROOT / ".build" / kind / "time-probe" for kind in ("debug", "release")]
    for candidate in candidates:
        if pathlib.Path(candidate).is_file():
            return str(candidate)
    pytest.skip(f"time-probe is not built (looked at {', '.join(map(str, candidates))})")


def steward(literals):
    """What Steward makes of each literal: nanoseconds, or a message."""
    run = subprocess.run(
        [probe_path()], input="\n".join(literals) + "\n", capture_output=True, text=True, check=True
    )
    lines = run.stdout.splitlines()
    assert len(lines) == len(literals)
    return [line if line.startswith("error") else int(line.split()[0]) for line in lines]


def python(literal):
    """What lsst.daf.butler makes of a literal: nanoseconds, or the exception."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return time_utils.TimeConverter().astropy_to_nsec(parser._parseTimeString(literal))
    except Exception as error:
        return error


def decimals(rng):
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(0, 12)))


def number(rng, low, high):
    return f"{rng.randint(low, high)}.{decimals(rng)}"


def calendar(rng):
    year = rng.choice([rng.randint(1960, 2110), rng.randint(1970, 2035), rng.randint(1, 9999)])
    month, day = rng.randint(1, 12), rng.randint(1, 31 if rng.random() < 0.1 else 28)
    if rng.random() < 0.05:
        year, month, day = rng.choice([(2016, 12, 31), (2015, 6, 30), (1972, 6, 30), (2008, 12, 31)])
    width = 1 if rng.random() < 0.1 else 2
    return f"{year:04d}", f"{month:0{width}d}", f"{day:0{width}d}"


def clock(rng):
    text = f"{rng.randint(0, 24 if rng.random() < 0.05 else 23):02d}:{rng.randint(0, 59):02d}"
    if rng.random() < 0.05:
        text = "23:59:60"
    elif rng.random() < 0.8:
        text += f":{rng.randint(0, 61 if rng.random() < 0.05 else 59):0{1 if rng.random() < 0.05 else 2}d}"
    else:
        return text
    return text + ("." + decimals(rng) if rng.random() < 0.7 else "")


def value(rng, fmt):
    ranges = {
        "mjd": (-1000, 90000), "jd": (2439000, 2490000), "decimalyear": (1950, 2120), "unix": (-10**8, 5 * 10**9),
        "unix_tai": (-10**8, 5 * 10**9), "cxcsec": (-10**9, 4 * 10**9), "galexsec": (-10**9, 4 * 10**9),
        "gps": (-10**9, 4 * 10**9), "stardate": (-600000, 10), "byear": (1950, 2120), "jyear": (1950, 2120),
        "plot_date": (700000, 770000),
    }
    if fmt in ranges:
        return number(rng, *ranges[fmt])
    year, month, day = calendar(rng)
    if fmt == "yday":
        text = f"{year}:{rng.randint(1, 366):0{1 if rng.random() < 0.1 else 3}d}"
        return text + (":" + clock(rng) if rng.random() < 0.8 else "")
    mark = {"iso": " ", "isot": "T", "fits": "T"}[fmt]
    if fmt == "fits":
        year = rng.choice(["", "+0"]) + year
    return f"{year}-{month}-{day}" + (mark + clock(rng) if rng.random() < 0.8 else "")


NUMERIC = ["mjd", "jd", "decimalyear", "unix", "unix_tai", "cxcsec", "galexsec", "gps", "stardate", "byear", "jyear",
           "plot_date"]
CALENDAR = ["iso", "isot", "yday", "fits"]


def generated(seed, count):
    rng = random.Random(seed)
    literals = []
    for index in range(count):
        fmt = (NUMERIC + CALENDAR)[index % 16]
        text = value(rng, fmt)
        if fmt not in ("mjd", *CALENDAR) or rng.random() < 0.5:
            text = rng.choice([fmt, fmt, fmt.upper()]) + "/" + text
        if rng.random() < 0.7:
            text += "/" + rng.choice(SCALES)
        literals.append(text)
    return literals


def compare(literals):
    differences = []
    for literal, ours in zip(literals, steward(literals)):
        theirs = python(literal)
        if isinstance(theirs, Exception):
            if not isinstance(ours, str):
                differences.append((literal, ours, repr(theirs)))
        elif ours != theirs:
            differences.append((literal, ours, theirs))
    return differences


@pytest.mark.parametrize("seed", range(4))
def test_generated_literals_agree_to_the_nanosecond(seed):
    literals = generated(seed, 4000)
    accepted = sum(not isinstance(python(literal), Exception) for literal in literals[:500])
    assert accepted > 350, "the generator makes too few valid literals to prove anything"
    assert compare(literals) == []


def test_mutated_literals_are_accepted_or_refused_alike():
    rng = random.Random(99)
    alphabet = "0123456789-+:./ TtZ_eaijmdu"
    literals = []
    for literal in generated(98, 4000):
        characters = list(literal)
        for _ in range(rng.randint(1, 2)):
            place = rng.randrange(len(characters))
            action = rng.random()
            if action < 0.4:
                characters[place] = rng.choice(alphabet)
            elif action < 0.7:
                characters.insert(place, rng.choice(alphabet))
            elif len(characters) > 1:
                del characters[place]
        text = "".join(characters)
        if not re.search(r"/(ut1|local)$", text, re.IGNORECASE):
            literals.append(text)
    assert compare(literals) == []


def test_chosen_literals_agree():
    literals = [
        "2020-01-01", "2020-01-01/tai", "58849.0", "58849.", "-1.0", "-.5", ".5", "2020-01-01T12:30:15.5",
        "MJD/58849.25/TT", "unix/1577836800.0", "gps/1261872018.0", "2020:001", "+02020-01-01", "cxcsec/694224000.0",
        "2020-01-01/tdb", "2016-12-31T23:59:60", "2020-01-01 00:00:00+00:00", "2020-01-01T00:00:00+01:00",
        "2020-01-01T00:00:00Z", "58849", "mjd/58849", " 58849.0", "58849.0 ", "2020-01-01T12", "xyz/58849.0",
        "58849.0/xyz", "", "/", "//", "a/b/c/d", "58849.0/local", "2019:366", "2020:366", "2020:367", "2020:000",
        "2020-02-30", "2020-13-01", "2020-01-01T24:00:00", "2020-01-01T00:00:62", "1960-01-01", "1972-01-01",
        "9999-12-31", "0000-01-01", "1969-12-31T23:59:51", "2100-01-01/tai", "2099-12-31T23:59:59.9999999999/tai",
        "byear_str/1950.0", "jyear_str/2000.0", "datetime/2020-01-01", "iso/58849.0", "mjd/2020-01-01",
        "jd/-10000000.0/utc", "jd/-10000000.0", "decimalyear/-5000.0", "decimalyear/2016.9999999/utc",
        "9" * 400 + ".0", "2020-01-01+00:00/tai", "fits/2020-1-1", "2020-01-01t00:00:00", "+02020-01-01T00:00:00.",
    ]
    assert compare(literals) == []


def test_ut1_is_refused_with_a_reason():
    for answer in steward([f"58849.0/{scale}" for scale in UNSUPPORTED_SCALES]):
        assert "UT1" in answer
