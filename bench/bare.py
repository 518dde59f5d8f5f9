"""The floor: Flask, and of the app what reads a body and what stores it, each as it is; nothing else is done.

No upload of the app's can cost less; what is above it are tokens, the check of the image, the catalog, the log.
"""

from contextlib import closing

from flask import Flask, request

from app.keys import new_key
from app.settings import load
from app.store import open_store
from app.web.body import read_upload

app = Flask(__name__)
_settings = load()
_store = open_store(_settings, count=lambda operation: None)
_spool_dir = _settings.data_dir / "spool"
_spool_dir.mkdir(parents=True, exist_ok=True)


@app.post("/api/upload")
def upload() -> tuple[dict[str, str], int]:
    """Store the file as it is, so that no crash loses it, and answer its key."""
    key = new_key("png")
    with closing(read_upload(request.environ, max_bytes=_settings.max_upload_bytes, spool_dir=_spool_dir)) as form:
        (file,) = form.files
        _store.put(key, file.file, content_type="image/png", sha256=file.sha256)
    return {"key": key}, 201
