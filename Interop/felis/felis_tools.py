"""Runs `steward felis` and the real `felis`, and finds the schemas and golden files that they are compared on.

The program is the one in STEWARD_BIN, else .build/debug/steward.
"""

import functools
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

# The same loader, but made with libyaml: the pure Python one takes minutes for all schemas.
if hasattr(yaml, "CSafeLoader"):
    yaml.SafeLoader = yaml.CSafeLoader
    yaml.safe_load.__globals__["SafeLoader"] = yaml.CSafeLoader

from click.testing import CliRunner  # noqa: E402
from felis import cli as felis_cli  # noqa: E402
from felis.datamodel import Schema  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent.parent
BINARY = Path(os.environ.get("STEWARD_BIN") or PACKAGE / ".build" / "debug" / "steward")
GOLDEN = Path(os.environ.get("STEWARD_SHARED") or PACKAGE.parent / "shared") / "reference" / "golden-felis"

import lsst.sdm.schemas  # noqa: E402

SCHEMAS = Path(list(lsst.sdm.schemas.__path__)[0])
FILES = sorted(SCHEMAS.glob("*.yaml"))
ARCHIVE = sorted((SCHEMAS / "archive").glob("*.yaml"))
DIALECTS = ("sqlite", "postgresql", "mysql")

needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason=f"{GOLDEN} is not there")


def steward(*arguments, check=True, **keywords):
    done = subprocess.run(
        [BINARY, "felis", *map(str, arguments)], capture_output=True, text=True, timeout=600, **keywords
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def problems(*arguments):
    """What `validate` finds, as dictionaries."""
    done = steward("validate", "--format", "json", *arguments, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def errors(*arguments):
    return [problem for problem in problems(*arguments) if problem["severity"] == "error"]


def upstream(*arguments):
    result = CliRunner().invoke(felis_cli.cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (arguments, result.output[-2000:], result.exception)
    return result.output


def upstream_file(*arguments, suffix):
    """The text of the file that the real tool writes for arguments in which OUT stands for its name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{suffix}"
        upstream(*[path if argument == "OUT" else argument for argument in arguments])
        return path.read_text()


@functools.lru_cache(maxsize=None)
def upstream_verdict(path, **context):
    """Whether the real tool takes a schema."""
    try:
        Schema.from_uri(str(path), context={"id_generation": True, **context})
    except Exception:
        return False
    return True


def statements(sql):
    """The statements of a script, in order, with single percent signs."""
    parts = re.split(r";\n(?=\n|CREATE|COMMENT|ALTER|INSERT|DROP|DELETE|\Z)", sql.replace("%%", "%"))
    return [part.strip() for part in parts if part.strip()]
