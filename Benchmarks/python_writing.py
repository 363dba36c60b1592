"""The Python side of what is timed inside one process: `put REPOSITORY TYPE RUN COUNT alone|together`."""

import contextlib
import json
import sys
import time

from lsst.daf.butler import Butler


def put(repository: str, kind: str, run: str, count: int, together: bool) -> float:
    with Butler.from_config(repository, writeable=True, run=run) as butler:
        datasets = [
            (
                {
                    "number": number,
                    "name": f"dataset {number}",
                    "mean": number / 7,
                    "values": [i * number for i in range(8)],
                },
                {"instrument": "Bench", "exposure": number // 100, "detector": number % 100},
            )
            for number in range(count)
        ]
        start = time.perf_counter()
        with butler.transaction() if together else contextlib.nullcontext():
            for value, data_id in datasets:
                butler.put(value, kind, data_id)
        return time.perf_counter() - start


_, _, repository, kind, run, count, how = sys.argv
print(json.dumps({"seconds": put(repository, kind, run, int(count), how == "together")}))
