"""The Python Butler server for one repository: python_server.py REPOSITORY PORT LABEL."""

import json
import logging
import os
import sys

repository, port, label = sys.argv[1:]
os.environ["DAF_BUTLER_SERVER_REPOSITORIES"] = json.dumps(
    {label: {"config_uri": os.path.join(repository, "butler.yaml"), "authorized_groups": ["*"]}}
)
os.environ["DAF_BUTLER_SERVER_GAFAELFAWR_URL"] = "DISABLED"
os.environ["DAF_BUTLER_SERVER_AUTHENTICATION"] = "rubin_science_platform"
# Signing a URL needs credentials, but no contact with the store.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "bench")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "bench")
os.environ.setdefault("S3_ENDPOINT_URL", "http://127.0.0.1:9")

import uvicorn  # noqa: E402
from lsst.daf.butler.remote_butler.server import create_app  # noqa: E402

app = create_app()
logging.getLogger("lsst.daf.butler.remote_butler.server").setLevel(logging.WARNING)
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
