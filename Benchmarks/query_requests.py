"""The queries that are measured, with the bodies that the Python client sends for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import httpx2
import lsst.sphgeom
from lsst.daf.butler.queries.result_specs import SerializedResultSpec
from lsst.daf.butler.remote_butler._factory import RemoteButlerFactory
from lsst.daf.butler.remote_butler.server_models import QueryAllDatasetsRequestModel, QueryExecuteRequestModel

# What make_big_repo.py makes.
TYPE = "single_visit_star"
RUN = "BigCam/runs/w02"
CHAIN = "BigCam/runs/all"
EVERYWHERE = "BigCam/defaults"
INSTRUMENT = "BigCam"

REF = b'"component":null'
RECORD = b'{"definition":'


@dataclasses.dataclass(frozen=True)
class Request:
    name: str
    body: bytes
    mark: bytes
    """Bytes that occur once in each row."""
    path: str = "query/execute"
    explain: list[str] = dataclasses.field(default_factory=list)
    """The same for `steward butler explain`."""


class Requests:
    def __init__(self, port: int, label: str):
        url = f"http://127.0.0.1:{port}/api/butler/repo/{label}/butler.json"
        factory = RemoteButlerFactory.create_factory_for_url(url, httpx2.Client(timeout=600))
        self.butler = factory.create_butler_for_access_token("bench")

    def made(
        self, name: str, query: Callable[[Any], Any], mark: bytes = REF, explain: list[str] | None = None
    ) -> Request:
        with self.butler.query() as q:
            results = query(q)
            request = QueryExecuteRequestModel(
                query=q._driver._create_query_input(results._tree), result_spec=SerializedResultSpec(results._spec)
            )
            return Request(name, request.model_dump_json().encode(), mark, explain=explain or [])

    def streams(self) -> list[Request]:
        """Results of many rows."""
        chain = ["datasets", TYPE, "--collections", CHAIN]
        order = ["instrument", "visit", "detector"]
        return [
            self.made(
                "refs of one RUN", lambda q: q.datasets(TYPE, RUN), explain=["datasets", TYPE, "--collections", RUN]
            ),
            self.made("find-first over a chain", lambda q: q.datasets(TYPE, CHAIN), explain=chain),
            self.made(
                "with records, first 20,000",
                lambda q: q.datasets(TYPE, CHAIN).with_dimension_records().limit(20_000),
                explain=[*chain, "--with-dimension-records", "--limit", "20000"],
            ),
            self.made(
                "ordered, first 20,000",
                lambda q: q.datasets(TYPE, CHAIN).order_by(*order).limit(20_000),
                explain=[*chain, "--order-by", ",".join(order), "--limit", "20000"],
            ),
        ]

    def long_streams(self) -> list[Request]:
        """Those that take the Python server minutes."""
        return [
            self.made(
                "with records, all",
                lambda q: q.datasets(TYPE, CHAIN).with_dimension_records(),
                explain=["datasets", TYPE, "--collections", CHAIN, "--with-dimension-records"],
            )
        ]

    def small(self) -> list[Request]:
        """Results of few rows."""
        visit = self.butler.query_dimension_records("visit", instrument=INSTRUMENT, limit=1)[0]
        center = lsst.sphgeom.LonLat(visit.region.getBoundingCircle().getCenter())
        circle = f"CIRCLE({center.getLon().asDegrees()}, {center.getLat().asDegrees()}, 0.3)"
        data_id = {"instrument": INSTRUMENT, "visit": visit.id}
        return [
            self.made("datasets in a circle", lambda q: q.datasets(TYPE, CHAIN).where(
                f"visit_detector_region.region OVERLAPS {circle}", instrument=INSTRUMENT)),
            self.made("datasets of one visit", lambda q: q.datasets(TYPE, CHAIN).where(**data_id)),
            self.made("record of one visit", lambda q: q.dimension_records("visit").where(**data_id), RECORD),
            self.made("records of all visits", lambda q: q.dimension_records("visit").where(instrument=INSTRUMENT), RECORD),
        ]

    def rows(self, count: int) -> Request:
        """As many rows as wanted, up to 200 million: the datasets of one type, each with all groups of exposures."""
        return self.made(
            f"{count:,} rows",
            lambda q: q.join_dataset_search(TYPE, CHAIN)
            .general(["visit", "detector", "group"], dataset_fields={TYPE: {"dataset_id", "run"}}, find_first=False)
            .limit(count),
            b'"BigCam/runs/',
        )

    def all_datasets(self) -> Request:
        """Every dataset of every type: about a million."""
        request = QueryAllDatasetsRequestModel(
            collections=[EVERYWHERE], name=["*"], find_first=False, data_id={}, default_data_id={}, where="",
            bind={}, limit=None, with_dimension_records=False,
        )
        return Request("all datasets of all types", request.model_dump_json().encode(), REF, "query/all_datasets")
