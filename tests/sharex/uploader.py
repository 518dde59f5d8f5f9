"""ShareX at work with one .sxcu: routing by extension, one retry after a second, and what a person gets to see.

Source: ShareX 19.0.2, WorkerTask.cs, CustomUploaderItem.cs (TryParseResponse), UploadResult.cs, TaskInfo.cs.
"""

import re
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from . import wire
from .item import Item, load
from .jsonnet import JsonReaderException
from .syntax import Response, Syntax

RETRY_S = 1.0
IMAGES = ("jpg", "jpeg", "png", "gif", "bmp", "ico", "tif", "tiff")
TEXTS = (
    *(
        "txt",
        "log",
        "nfo",
        "c",
        "cpp",
        "cc",
        "cxx",
        "h",
        "hpp",
        "hxx",
        "cs",
        "vb",
        "html",
        "htm",
        "xhtml",
        "xht",
        "xml",
    ),
    *("css", "js", "php", "bat", "java", "lua", "py", "pl", "cfg", "ini", "dart", "go", "gohtml"),
)


@dataclass
class Task:
    """One upload in ShareX's list. `errors` are what its error window shows, the first one its toast."""

    file_name: str
    kind: str
    host: str
    url: str = ""
    thumbnail_url: str = ""
    deletion_url: str = ""
    errors: list[str] = field(default_factory=list)
    answers: list[Response | OSError] = field(default_factory=list)  # one for each attempt

    @property
    def failed(self) -> bool:
        return not self.url

    @property
    def toast(self) -> str:
        return self.errors[0] if self.errors else ""

    @property
    def clipboard(self) -> str:
        """Return what is copied: the URL to the byte, nothing of a failed upload."""
        return self.url

    @property
    def history(self) -> dict[str, str]:
        named = {"FileName": self.file_name, "Type": self.kind, "Host": self.host, "URL": self.url}
        return named | {"ThumbnailURL": self.thumbnail_url, "DeletionURL": self.deletion_url, "ShortenedURL": ""}

    @property
    def is_image_url(self) -> bool:
        """Return whether history shows a preview and offers the image formats of a link."""
        last = urlsplit(self.url).path.rpartition("/")[2]
        return "." in last and last.rpartition(".")[2].lower() in IMAGES


class ShareX:
    """One ShareX with one custom uploader, imported from `file`; `sleep` is told the seconds between two attempts."""

    def __init__(self, file: bytes | str, generation: str = wire.NET9, sleep: Callable[[float], object] = lambda _: 0):
        self.item: Item = load(file.encode() if isinstance(file, str) else file)
        self.generation = generation
        self._sleep = sleep
        self._kept: socket.socket | None = None

    def close(self) -> None:
        if self._kept:
            self._kept.close()
            self._kept = None

    def upload(self, data: bytes, file_name: str) -> Task:
        """Upload a file, a second time if it fails."""
        extension = file_name.rpartition(".")[2].lower() if "." in file_name else ""
        kind = "Image" if extension in IMAGES else "Text" if extension in TEXTS else "File"
        task = Task(file_name, kind, f"Custom {kind.lower()} uploader")
        if f"{kind}Uploader" not in self.item["DestinationType"]:
            raise LookupError(f"this uploader is not asked to take {file_name}: another destination is")
        for attempt in range(2):
            if attempt:
                self._sleep(RETRY_S)
            task.errors = []
            try:
                answer = self._request(data, file_name)
            except OSError as e:
                task.answers.append(e)
                task.errors.append(f"Error message:\r\n{e}")
                continue
            task.answers.append(answer)
            self._read(task, answer)
            if not (task.errors and task.failed):
                break
        if task.failed and not task.errors:
            task.errors.append("URL is empty.")
        return task

    def _request(self, data: bytes, file_name: str) -> Response:
        item, syntax = self.item, Syntax(file_name)
        url = item.request_url(syntax)
        if item["Body"] == "MultipartFormData":
            form_name, arguments = item.file_form_name(), item.expanded("Arguments", syntax)
            content_type, body = wire.file_body(form_name, file_name, data, arguments)
        elif item["Body"] == "Binary":
            content_type, body = wire.type_of(file_name), data
        else:
            raise LookupError(f"Unsupported request format: {item['Body']}")
        headers = item.expanded("Headers", syntax)
        return self.send(item["RequestMethod"], url, headers, content_type, body)

    def send(self, method: str, url: str, headers: dict[str, str], content_type: str | None, body: bytes) -> Response:
        """Send one request: .NET 9 opens a connection for each, .NET Framework keeps one. No redirect is followed: all
        of them lose the body or the token."""
        head = wire.head(self.generation, method, url, headers, content_type, len(body))
        sock, self._kept = self._kept, None
        if sock and select.select([sock], [], [], 0)[0]:  # the server has ended it
            sock.close()
            sock = None
        sock = sock or wire.connect(url)
        try:
            answer = wire.exchange(sock, head, body, url)
        except OSError:
            sock.close()
            raise
        is_kept = self.generation == wire.NET48 and body and answer.headers.get("connection", "").lower() != "close"
        if is_kept:
            self._kept = sock
        else:
            sock.close()
        return answer

    def _read(self, task: Task, answer: Response) -> None:
        """TryParseResponse. What fails after the URL was read leaves an upload that succeeded."""
        item, syntax = self.item, Syntax(task.file_name, response=answer, url_encodes=True)
        is_success = 200 <= answer.status <= 299
        if not is_success:
            told = f"Status code:\r\n({answer.status})\r\n\r\nResponse text:\r\n{answer.text}"
            task.errors.append(
                f"Error message:\r\nThe remote server returned an error: ({answer.status}).\r\n\r\n{told}"
            )
        host = re.sub(r"^www\.", "", urlsplit(item["RequestURL"]).hostname or "")
        try:
            if is_success:
                task.url = syntax.parse(item["URL"]) if item["URL"] else answer.text
                task.thumbnail_url = syntax.parse(item["ThumbnailURL"])
                task.deletion_url = syntax.parse(item["DeletionURL"])
            elif message := syntax.parse(item["ErrorMessage"]):
                task.errors.insert(0, message)
        except JsonReaderException as e:
            text = f"Invalid response content is returned from host ({host}), expected response content is JSON."
            task.errors.insert(0, f"{text}\r\n\r\n{e}")
        except Exception as e:  # noqa: BLE001 as ShareX does
            task.errors.insert(0, f"Unable to parse response content returned from host ({host}).\r\n\r\n{e}")
