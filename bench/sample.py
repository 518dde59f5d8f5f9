"""Backblaze's published signing proxy, made to run in workerd: what ours is compared with."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.worker.requests import Pair
from tests.workerd import WORKER

_HANDLER = "let handle;\nconst addEventListener = (_, one) => { handle = one; };\n"
_END = """export default { fetch(request, env, context) { return new Promise((resolve) => handle({
  request, respondWith: resolve, waitUntil: (one) => context.waitUntil(one) })); } };
"""


def build(checkout: Path, into: Path, *, pair: Pair, host: str) -> Path:
    """Make a module Worker of a checkout of backblaze-b2-samples/cloudflare-b2-proxy; return its folder.

    Its entry is index.js; its one dependency comes from npm.
    """
    for name in ("index.js", "package.json"):
        shutil.copy(checkout / name, into / name)
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "aws4fetch"], cwd=into, check=True)
    built = into / "built"
    bundle = [WORKER / "node_modules/.bin/esbuild", into / "index.js", "--bundle", "--format=esm"]
    subprocess.run([*bundle, f"--outfile={into / 'sample.js'}", "--log-level=error"], check=True)
    variables = {
        "AWS_ACCESS_KEY_ID": pair.access_key_id,
        "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
        "AWS_S3_ENDPOINT": host,
        "WEBHOOK_URL": "",
    }
    start = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in variables.items())
    built.mkdir()
    (built / "index.js").write_text(start + _HANDLER + (into / "sample.js").read_text() + _END)
    return built
