"""Science data models: `steward felis` and the real `felis`, whole processes on the observatory's schemas."""

from __future__ import annotations

import glob
import os
import subprocess
import tempfile


def environment(python: str) -> tuple[str, list[str]]:
    """The real program, and the schema files, of a Python environment."""
    code = "import lsst.sdm.schemas; print(list(lsst.sdm.schemas.__path__)[0])"
    folder = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    return os.path.join(os.path.dirname(python), "felis"), sorted(glob.glob(os.path.join(folder, "*.yaml")))


def run(steward: str, python: str, quick: bool, time_command, row) -> list[dict]:
    felis, files = environment(python)
    largest = next(path for path in files if path.endswith("/drp_base.yaml"))
    few, many = (1, 10) if quick else (3, 30)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.sql")
        cases = {
            f"validate {len(files)} files": ["--log-level", "ERROR", "validate", *files],
            "validate drp_base": ["--log-level", "ERROR", "validate", largest],
            "create drp_base (postgresql)": ["create", "--engine-url=postgresql://", "-o", out, largest],
            "load-tap-schema drp_base": ["load-tap-schema", "--engine-url=mysql://", "-D", "-o", out, largest],
        }
        return [
            row(f"felis {name}", time_command([steward, "felis", *tail], many), time_command([felis, *tail], few))
            for name, tail in cases.items()
        ]
