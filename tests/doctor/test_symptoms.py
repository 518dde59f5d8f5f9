"""Every known symptom is known by an answer that shows it, and by no other; the guide shows the same table."""

from pathlib import Path

import pytest

from app.answers import Answer
from app.doctor.symptom import Hop, Symptom
from app.doctor.symptom_table import SYMPTOMS
from app.doctor.symptoms import explain, hop_of, recognise

XML = {"content-type": "application/xml"}
PAGE = {"content-type": "text/html; charset=UTF-8", "server": "cloudflare"}
JSON = {"content-type": "application/json;charset=utf-8"}


def b2(status: int, code: str, message: str = "no") -> Answer:
    text = f"<Error>\n <Code>{code}</Code>\n <Message>{message}</Message>\n</Error>"
    return Answer(status, {**XML, "x-amz-request-id": "1"}, text.encode())


def proxy(status: int, code: str, message: str = "no") -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message><HostId>bowerbird-signing-proxy</HostId></Error>"
    return Answer(status, {**XML, "x-amz-id-2": "bowerbird-signing-proxy"}, text.encode())


def native(status: int, code: str, message: str = "no") -> Answer:
    return Answer(status, JSON, f'{{\n "code": "{code}",\n "message": "{message}",\n "status": {status}\n}}'.encode())


def page(status: int, text: str = "") -> Answer:
    return Answer(status, PAGE, f"<!DOCTYPE html><html><body>{text} cloudflare</body></html>".encode())


def reader(status: int, text: str) -> Answer:
    return Answer(status, {"content-type": "text/plain; charset=utf-8", "server": "cloudflare"}, f"{text}\n".encode())


def plain(status: int, number: int) -> Answer:
    return Answer(status, {"content-type": "text/plain", "server": "cloudflare"}, f"error code: {number}\n".encode())


SAMPLE = (
    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature validation failed.</Message></Error>"
    "</ErrorResponse>"
)
STORAGE = "Cannot upload files, storage cap exceeded. See the Caps & Alerts page to increase your cap."
DOWNLOAD = (
    "Cannot download file, download bandwidth or transaction (Class B) cap exceeded. See the Caps &amp; Alerts page"
)
BOTH = (False, True)
# The sign, the places where it is seen (at the public address or not), and answers that show it.
EXAMPLES: dict[str, tuple[tuple[bool, ...], list[Answer]]] = {
    "1016 or 530": (BOTH, [page(530, "Error 1016"), plain(530, 1016), Answer(530, PAGE)]),
    "1101": (BOTH, [page(500, "Error 1101"), plain(500, 1101)]),
    "1102": (BOTH, [plain(503, 1102)]),
    "1015": (BOTH, [page(429, "Error 1015 You are being rate limited"), plain(429, 1015)]),
    "1027": (BOTH, [page(429, "Error 1027")]),
    "1014": (BOTH, [page(403, "Error 1014 CNAME Cross-User Banned")]),
    "1020 or a 403 page": (BOTH, [plain(403, 1020), page(403, "Attention Required!"), page(403, "Just a moment...")]),
    "413 as a page": (BOTH, [page(413, "413 Request Entity Too Large")]),
    "520": (BOTH, [page(520), plain(520, 520)]),
    "521": (BOTH, [page(521)]),
    "522": (BOTH, [page(522), Answer(522, {}, b"")]),
    "523": (BOTH, [page(523)]),
    "524": (BOTH, [page(524)]),
    "525": (BOTH, [page(525)]),
    "526": (BOTH, [page(526)]),
    "403 storage cap exceeded": (BOTH, [b2(403, "AccessDenied", STORAGE), native(403, "storage_cap_exceeded")]),
    "403 download cap exceeded": (BOTH, [b2(403, "AccessDenied", DOWNLOAD), native(403, "download_cap_exceeded")]),
    "403 transaction cap exceeded": (
        BOTH,
        [b2(403, "AccessDenied", "Transaction cap exceeded, see the Caps"), native(403, "transaction_cap_exceeded")],
    ),
    "SignatureDoesNotMatch with HostId bowerbird-signing-proxy": (BOTH, [proxy(403, "SignatureDoesNotMatch")]),
    "SignatureDoesNotMatch, 'Signature validation failed.' with the full stop": (
        BOTH,
        [Answer(403, XML, SAMPLE.encode())],
    ),
    "SignatureDoesNotMatch, 'Signature validation failed' without the full stop": (
        BOTH,
        [b2(403, "SignatureDoesNotMatch", "Signature validation failed")],
    ),
    "InvalidAccessKeyId with HostId bowerbird-signing-proxy": (BOTH, [proxy(403, "InvalidAccessKeyId")]),
    "InvalidAccessKeyId": (BOTH, [b2(403, "InvalidAccessKeyId")]),
    "RequestTimeTooSkewed": (BOTH, [b2(403, "RequestTimeTooSkewed"), proxy(403, "RequestTimeTooSkewed")]),
    "AuthorizationHeaderMalformed": (BOTH, [proxy(400, "AuthorizationHeaderMalformed")]),
    "400 header is listed in signed headers, but is not present": (
        BOTH,
        [b2(400, "InvalidRequest", "header 'if-none-match' is listed in signed headers, but is not present")],
    ),
    "400 Unsupported header": (
        BOTH,
        [b2(400, "InvalidArgument", "Unsupported header 'x-amz-sdk-checksum-algorithm' received for this API call.")],
    ),
    "403 this key is for names that begin with …": (
        BOTH,
        [proxy(403, "AccessDenied", "this key is for names that begin with 'phone/'")],
    ),
    "403 this key is for another bucket": (BOTH, [proxy(403, "AccessDenied", "this key is for another bucket")]),
    "403 this key may not …": (BOTH, [proxy(403, "AccessDenied", "this key may not delete")]),
    "403 not entitled": ((False,), [b2(403, "AccessDenied", "not entitled")]),
    "NoSuchBucket": ((False,), [b2(404, "NoSuchBucket")]),
    "500 the signing proxy is not set up": (
        BOTH,
        [proxy(500, "InternalError", "the signing proxy is not set up: B2_ENDPOINT is not set")],
    ),
    "503 what answered was not B2": (BOTH, [proxy(503, "SlowDown", "what answered was not B2; send it again")]),
    "503 SlowDown or no tomes available": (
        BOTH,
        [
            b2(503, "ServiceUnavailable", "no tomes available"),
            proxy(503, "SlowDown", "B2 does not take the request right now"),
            native(503, "service_unavailable"),
            native(429, "too_many_requests"),
        ],
    ),
    "HTML instead of XML": ((False,), [Answer(200, {"content-type": "text/html"}, b"<html>nginx</html>")]),
    "500 the read Worker is not set up": (
        BOTH,
        [reader(500, "The read Worker is not set up: B2_BUCKET is not set.")],
    ),
    "503 the image store does not let this host read": (
        BOTH,
        [reader(503, "The image store does not let this host read; the log of the Worker says why.")],
    ),
    "503 no downloads left for today": (
        BOTH,
        [reader(503, "The image store has no downloads left for today; they begin anew at 00:00 UTC.")],
    ),
    "503 the image store does not answer": (
        BOTH,
        [reader(503, "The image store does not answer right now; try again in a moment.")],
    ),
    "500 the read Worker failed": (BOTH, [reader(500, "The read Worker failed.")]),
    "404 as XML at the public address": ((True,), [b2(404, "NoSuchKey"), b2(403, "AccessDenied")]),
    "401 unauthorized at the public address": ((True,), [native(401, "unauthorized")]),
    "no_payment_history": (BOTH, [native(401, "no_payment_history")]),
    "email_not_verified": (BOTH, [native(401, "email_not_verified")]),
}


def test_every_symptom_has_an_example() -> None:
    assert list(EXAMPLES) == [one.sign for one in SYMPTOMS]


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda one: one.sign)
def test_a_symptom_is_known_by_the_answers_that_show_it(symptom: Symptom) -> None:
    places, answers = EXAMPLES[symptom.sign]

    assert all(recognise(one, is_public=place) is symptom for one in answers for place in places)


@pytest.mark.parametrize("is_public", [True, False])
def test_a_good_answer_and_a_name_that_is_not_there_show_nothing(is_public: bool) -> None:
    good = [Answer(200, XML, b""), Answer(204, {}), native(404, "not_found", "File with such name does not exist.")]

    assert [recognise(one, is_public=is_public) for one in good] == [None] * 3
    assert is_public or recognise(b2(404, "NoSuchKey")) is None


@pytest.mark.parametrize(
    ("answer", "hop"),
    [
        (proxy(403, "AccessDenied"), Hop.PROXY),
        (Answer(403, {"x-amz-id-2": "bowerbird-signing-proxy"}), Hop.PROXY),
        (Answer(403, XML, SAMPLE.encode()), Hop.SAMPLE),
        (b2(403, "AccessDenied"), Hop.B2),
        (native(404, "not_found"), Hop.B2),
        (page(502), Hop.CLOUDFLARE),
        (reader(404, "There is no such image."), Hop.READER),
        (plain(500, 1101), Hop.CLOUDFLARE),
        (Answer(502, {"content-type": "text/html", "server": "nginx"}, b"<html></html>"), Hop.OTHER),
        (Answer(404, {}, b'{"error": "no"}'), Hop.OTHER),
    ],
)
def test_which_hop_answered_is_told(answer: Answer, hop: Hop) -> None:
    assert hop_of(answer) is hop
    assert f"from {hop}" in explain(answer).seen


def test_what_is_not_known_is_told_as_it_came() -> None:
    said = explain(b2(418, "Teapot", "I&apos;m one"))

    assert said.seen == "418 from B2: Teapot: I'm one"
    assert "not a known symptom" in said.advice


def test_the_guide_shows_the_whole_table() -> None:
    guide = (Path(__file__).parents[2] / "docs/doctor.md").read_text()
    rows = [f"| {one.sign} | {one.hop or 'any'} | {one.cause} | {one.remedy} |" for one in SYMPTOMS]

    assert "\n".join(rows) in guide
