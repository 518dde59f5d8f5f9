"""What answers in place of B2: whatever a test wants, said by hand."""

from dataclasses import dataclass, field

from tests.edge.relay import Headers, Listener, Relay

XML = "application/xml"


@dataclass(frozen=True)
class Said:
    """One answer; its Content-Length is that of its body."""

    status: int = 200
    body: bytes = b""
    content_type: str = XML
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """One request that came; the names of its headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Origin(Listener):
    """Gives `answers` in their order, and the last of them from then on; keeps what came in `asked`."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = [Said()]
        self.asked: list[Asked] = []

    def handle(self, request: Relay) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.command, request.path, headers, b"".join(request.body())))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        request.say(said.status, said.body, said.content_type, said.headers)
