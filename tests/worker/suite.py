"""The test suite that AWS has published for Signature Version 4, as Amazon's SDK for JavaScript brings it along."""

import functools
import json
import re
import subprocess
from typing import Any
from urllib.parse import quote

from tests.programs import node
from tests.workerd import WORKER

_DUMP = "console.log(JSON.stringify(require('@aws-sdk/signature-v4/dist/cjs/suite.fixture.js')))"
_AUTHORIZATION = re.compile(r"Credential=[^/]+/(\S+), SignedHeaders=(\S+), Signature=(\w+)")


@functools.cache
def suite() -> list[dict[str, Any]]:
    """Return the cases, each with its name, its request in parts, and the signature that it must have."""
    done = subprocess.run([node(), "-e", _DUMP], cwd=WORKER, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    return [_case(one["request"], one["authorization"], found["credentials"]) | {"name": one["name"]}
            for one in found["requests"]]  # fmt: skip


def _case(request: dict[str, Any], authorization: str, pair: dict[str, str]) -> dict[str, Any]:
    scope, names, signature = _AUTHORIZATION.search(authorization).groups()
    values = {name.lower(): value for name, value in request["headers"].items()}
    query = [
        f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, given in request["query"].items()
        for value in (given if isinstance(given, list) else [given])
    ]
    return {
        "pair": pair,
        "method": request["method"],
        "path": quote(request["path"]),
        "query": "&".join(query),
        "headers": [[name, values[name]] for name in names.split(";")],
        "body": request.get("body", ""),
        "amzDate": values["x-amz-date"],
        "scope": scope,
        "signature": signature,
    }
