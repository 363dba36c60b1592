"""FITS files written by Steward are read by astropy and the reverse.

The program `fits-probe` is found through STEWARD_FITS_PROBE, else in .build/debug or .build/release.
"""

import os
import subprocess
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
fits = pytest.importorskip("astropy.io.fits")


def find_probe():
    named = os.environ.get("STEWARD_FITS_PROBE")
    root = Path(__file__).resolve().parent.parent
    candidates = [named] if named else [root / ".build" / kind / "fits-probe" for kind in ("debug", "release")]
    return next((str(path) for path in candidates if Path(path).is_file()), None)


PROBE = find_probe()
pytestmark = pytest.mark.skipif(PROBE is None, reason="fits-probe is not built (swift build --product fits-probe)")

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]


def probe(*arguments):
    result = subprocess.run([PROBE, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert not result.stdout.startswith("ERROR"), result.stdout
    return result.stdout


def sample(dtype, shape=(30, 41)):
    rng = np.random.default_rng(5)
    if np.dtype(dtype).kind == "f":
        data = rng.normal(100, 5, shape).astype(dtype)
        data[0, 0] = np.nan
        data[0, 1] = -np.inf
        return data
    info = np.iinfo(dtype)
    data = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    data[0, :2] = info.min, info.max
    return data


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_pixel_type_goes_there_and_back(tmp_path, dtype):
    data = sample(dtype)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data, name="DATA")]).writeto(tmp_path / "a.fits")
    assert f"HDU 1 DATA {dtype} 30x41" in probe("describe", tmp_path / "a.fits")
    probe("copy", tmp_path / "a.fits", tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits", checksum=True) as hdus:
        hdus.verify("exception")
        assert hdus["DATA"].data.dtype.newbyteorder("=") == dtype
        np.testing.assert_array_equal(hdus["DATA"].data, data)
        assert "CHECKSUM" in hdus["DATA"].header and "DATASUM" in hdus[0].header


# Neither program compresses 8-bit signed or 64-bit integers, and RICE_1 takes integers only.
COMPRESSED = [
    (dtype, algorithm)
    for dtype in DTYPES
    for algorithm in ("GZIP_1", "GZIP_2", "RICE_1")
    if dtype not in ("int8", "int64") and (np.dtype(dtype).kind != "f" or algorithm != "RICE_1")
]


@pytest.mark.parametrize(("dtype", "algorithm"), COMPRESSED)
def test_compressed_images_go_there_and_back(tmp_path, dtype, algorithm):
    is_float = np.dtype(dtype).kind == "f"
    data = sample(dtype)
    level = 0 if is_float else 16
    hdu = fits.CompImageHDU(data, name="DATA", compression_type=algorithm, quantize_level=level)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")
    probe("copy", tmp_path / "a.fits", tmp_path / "plain.fits")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "plain.fits", "DATA"), data)
    probe("copy", tmp_path / "a.fits", tmp_path / "b.fits", algorithm)
    with fits.open(tmp_path / "b.fits", disable_image_compression=True) as hdus:
        assert hdus["DATA"].header["ZCMPTYPE"] == algorithm
    with fits.open(tmp_path / "b.fits", checksum=True) as hdus:
        np.testing.assert_array_equal(hdus["DATA"].data, data)


@pytest.mark.parametrize("dither", [-1, 1, 2])
def test_quantised_images_of_astropy_are_read_as_astropy_reads_them(tmp_path, dither):
    data = sample("float32")
    data[0, 1] = 0
    hdu = fits.CompImageHDU(
        data, name="DATA", compression_type="RICE_1", quantize_level=8, quantize_method=dither, dither_seed=77
    )
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")
    probe("copy", tmp_path / "a.fits", tmp_path / "b.fits")
    np.testing.assert_allclose(
        fits.getdata(tmp_path / "b.fits", "DATA"), fits.getdata(tmp_path / "a.fits", "DATA"), rtol=0, atol=2e-5
    )


def test_headers_of_astropy_are_read_and_written_again(tmp_path):
    header = fits.Header()
    header["OBJECT"] = ("it's M 31 / core", "with a quote")
    header["LONGTEXT"] = "word & 'more' " * 30 + "end"
    header["HIERARCH LSST BUTLER DATAID INSTRUMENT"] = "LSSTCam"
    header["HIERARCH LSST BUTLER QUANTUM"] = "0190b5c0-" * 20 + "end"
    header["FLAG"] = True
    header["COUNT"] = (-(2**40), "a big one")
    header["RATIO"] = 0.1 + 0.2
    header["TINY"] = 1e-300
    header["NOTHING"] = None
    header["COMMENT"] = "a comment"
    header["HISTORY"] = "a history"
    fits.PrimaryHDU(header=header).writeto(tmp_path / "a.fits")
    probe("copy", tmp_path / "a.fits", tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as hdus:
        hdus.verify("exception")
        written = hdus[0].header
        for card in header.cards:
            if card.keyword in ("COMMENT", "HISTORY"):
                assert list(written[card.keyword]) == list(header[card.keyword])
            else:
                assert written[card.keyword] == header[card.keyword], card.keyword
                assert written.comments[card.keyword] == card.comment


def test_tables_go_there_and_back(tmp_path):
    rows = 50
    columns = [
        fits.Column("FLAG", "L", array=np.arange(rows) % 3 == 0),
        fits.Column("I16", "I", array=np.arange(rows, dtype="int16")),
        fits.Column("U16", "I", bzero=2**15, array=np.arange(rows, dtype="uint16") + 60000),
        fits.Column("I64", "K", array=np.arange(rows) * 2**50, unit="ns"),
        fits.Column("F", "2E", array=np.arange(rows * 2, dtype="float32").reshape(rows, 2)),
        fits.Column("D", "D", array=np.linspace(0, 1, rows)),
        fits.Column("NAME", "10A", array=[f"row {i}" for i in range(rows)]),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="CAT")]).writeto(tmp_path / "a.fits")
    probe("copy", tmp_path / "a.fits", tmp_path / "b.fits")
    with fits.open(tmp_path / "a.fits") as a, fits.open(tmp_path / "b.fits", checksum=True) as b:
        b.verify("exception")
        for column in columns:
            np.testing.assert_array_equal(a["CAT"].data[column.name], b["CAT"].data[column.name])
        assert b["CAT"].columns["I64"].unit == "ns"


def test_unreadable_columns_are_named_when_the_table_is_written(tmp_path):
    column = fits.Column("VAR", "PE()", array=np.array([np.zeros(2), np.zeros(3)], dtype=object))
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column], name="CAT")])
    hdus.writeto(tmp_path / "a.fits")
    assert "unsupported" in probe("describe", tmp_path / "a.fits")
    result = subprocess.run(
        [PROBE, "copy", tmp_path / "a.fits", tmp_path / "b.fits"], capture_output=True, text=True, timeout=60
    )
    assert "ERROR" in result.stdout and "VAR" in result.stdout
    assert not (tmp_path / "b.fits").exists()


@pytest.mark.parametrize("recipe", ["noCompression", "lossless", "lossy16"])
def test_masked_images_have_the_observatory_form(tmp_path, recipe):
    rng = np.random.default_rng(3)
    image = rng.normal(0, 4, (100, 120)).astype("float32")
    image[3, 4] = np.nan
    mask = rng.integers(0, 2**9, image.shape, dtype="int32")
    variance = rng.normal(16, 1, image.shape).astype("float32")
    planes = {"MP_BAD": 0, "MP_SAT": 1, "MP_INTRP": 2, "MP_NO_DATA": 8}
    origin = {"LTV1": -10.0, "LTV2": -20.0, "CRVAL1": 150.0, "CTYPE1": "RA---TAN"}
    primary = fits.Header({"OBSID": "X"})

    def plane(name, data, cards):
        return fits.ImageHDU(data, fits.Header({"EXTTYPE": name, "INHERIT": True, **cards}), name=name)

    fits.HDUList(
        [
            fits.PrimaryHDU(header=primary),
            plane("IMAGE", image, origin),
            plane("MASK", mask, {**planes, **origin}),
            plane("VARIANCE", variance, origin),
        ]
    ).writeto(tmp_path / "a.fits")
    probe("masked", tmp_path / "a.fits", tmp_path / "b.fits", recipe)
    with fits.open(tmp_path / "b.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE"]
        assert hdus[0].header["OBSID"] == "X"
        for hdu in hdus[1:]:
            assert hdu.header["EXTTYPE"] == hdu.name and hdu.header["INHERIT"] is True
            assert (hdu.header["CRVAL1A"], hdu.header["CRVAL2A"], hdu.header["CRVAL1"]) == (10, 20, 150)
        assert {key: hdus["MASK"].header[key] for key in planes} == planes
        np.testing.assert_array_equal(hdus["MASK"].data, mask)
        if recipe == "lossy16":
            step = hdus["IMAGE"].header["UZSCALE"]
            used = image[((mask & ((1 << 8) | (1 << 2))) == 0) & np.isfinite(image)]
            quartiles = np.percentile(used, [25, 75])
            assert step == pytest.approx(0.741 * (quartiles[1] - quartiles[0]) / 16, rel=0.01)
            assert np.isnan(hdus["IMAGE"].data[3, 4])
            assert np.nanmax(np.abs(hdus["IMAGE"].data - image)) <= step * 0.501
        else:
            np.testing.assert_array_equal(hdus["IMAGE"].data, image)
            np.testing.assert_array_equal(hdus["VARIANCE"].data, variance)
    if recipe != "noCompression":
        assert os.path.getsize(tmp_path / "b.fits") < os.path.getsize(tmp_path / "a.fits")
