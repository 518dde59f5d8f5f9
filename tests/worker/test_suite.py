"""AWS's published suite for Signature Version 4 through the Worker: each case signed anew for S3, then changed in each
way there is. Raw sockets carry them, so that path, query and headers arrive as they are."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import pytest

from tests.worker.conftest import PREFIXED, Proxy
from tests.worker.requests import BUCKET, Answer, Endpoint, Pair, Signer
from tests.worker.suite import suite

NOT_OURS = b"the signing proxy passes no such operation on"  # said by the policy, behind the signature
TOKEN = "post-sts-header-before"  # the one case with a session token


@dataclass(frozen=True)
class Message:
    """A request of the suite, signed for S3; `headers` are those that were signed, and Authorization."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""

    def send(self, proxy: Proxy) -> Answer:
        target = self.path + (f"?{self.query}" if self.query else "")
        length = {"content-length": str(len(self.body))} if self.method in ("POST", "PUT") else {}
        lines = {**self.headers, **length, "connection": "close"}
        return Endpoint(proxy.worker.port).raw(self.method, target, lines.items(), self.body)

    def with_headers(self, **changed: str | None) -> "Message":
        """Return the same message with these headers changed; None takes one away."""
        named = {name.replace("_", "-"): value for name, value in changed.items()}
        return replace(self, headers={k: v for k, v in {**self.headers, **named}.items() if v is not None})

    def with_authorization(self, pattern: str, text: str) -> "Message":
        """Return the same message with what `pattern` finds in its Authorization replaced."""
        return self.with_headers(authorization=re.sub(pattern, text, self.headers["authorization"]))


def _host(case: dict[str, Any]) -> str:
    return str(dict(case["headers"])["host"])


def _extra(case: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in case["headers"] if name not in ("host", "x-amz-date")}


def _signed(case: dict[str, Any], signer: Signer) -> Message:
    path, query, body = f"/{BUCKET}{case['path']}", case["query"], case["body"].encode()
    target = path + (f"?{query}" if query else "")
    headers = signer.header(case["method"], _host(case), target, _extra(case), hashlib.sha256(body).hexdigest())
    return Message(case["method"], path, query, headers, body)


def _presigned(case: dict[str, Any], signer: Signer) -> Message:
    more = f"&{case['query']}" if case["query"] else ""
    target = signer.query(case["method"], _host(case), f"/{BUCKET}{case['path']}", headers=_extra(case), more=more)
    path, _, query = target.partition("?")
    return Message(case["method"], path, query, {"host": _host(case), **_extra(case)}, case["body"].encode())


FORMS: dict[str, Callable[[dict[str, Any], Signer], Message]] = {"header": _signed, "query": _presigned}


def _is_let_in(answer: Answer) -> bool:
    """Whether the signature was found good: then B2 has answered, or the policy has refused."""
    return NOT_OURS in answer.body or b"<HostId>" not in answer.body


def _anyhow_changed(case: dict[str, Any], good: Message, form: str) -> Iterator[tuple[str, Message]]:
    """Yield what differs in one thing from the message that was signed, in whichever form."""
    yield "method", replace(good, method="DELETE")
    yield "path", replace(good, path=good.path + "x")
    yield "path without its last letter", replace(good, path=good.path[:-1] or "/")
    yield "bucket", replace(good, path=good.path.replace(BUCKET, "bowerbird-other"))
    yield "query", replace(good, query=f"{good.query}&versionId=1".removeprefix("&"))
    yield "one header more", good.with_headers(x_amz_meta_a="b")
    yield "one content header more", replace(good, method="PUT").with_headers(cache_control="no-store")
    yield "another secret", FORMS[form](case, Signer(Pair(secret_access_key="another-secret-access-key")))
    yield "another region", FORMS[form](case, Signer(region="us-west-000"))
    yield "another service", FORMS[form](case, Signer(service="iam"))
    yield "an unknown key", FORMS[form](case, Signer(Pair("AKIDEXAMPLE", Pair().secret_access_key)))
    yield (
        "the secret of another client",
        FORMS[form](case, Signer(Pair(PREFIXED.access_key_id, Pair().secret_access_key))),
    )
    yield "a day ago", FORMS[form](case, Signer().earlier(days=1))
    yield "tomorrow", FORMS[form](case, Signer().earlier(days=-1))
    for name in sorted(set(good.headers) - {"authorization"}):
        yield f"header {name}", good.with_headers(**{name.replace("-", "_"): good.headers[name] + "x"})
        if name != "host":
            yield f"without header {name}", good.with_headers(**{name.replace("-", "_"): None})


def _changed_header(good: Message) -> Iterator[tuple[str, Message]]:
    names = re.findall("SignedHeaders=([^,]+)", good.headers["authorization"])[0].split(";")
    signature = good.headers["authorization"][-64:]
    other = good.body + b" "
    yield (
        "body and its hash",
        replace(good, body=other).with_headers(x_amz_content_sha256=hashlib.sha256(other).hexdigest()),
    )
    yield "body and no hash", replace(good, body=other).with_headers(x_amz_content_sha256="UNSIGNED-PAYLOAD")
    yield "a minute earlier", good.with_headers(x_amz_date=Signer().earlier(minutes=1).amz_date)
    yield "day of the scope", good.with_authorization(r"/\d{8}/", "/20150830/")
    yield "region of the scope", good.with_authorization("us-west-004", "us-east-1")
    yield "service of the scope", good.with_authorization("/s3/", "/service/")
    yield "end of the scope", good.with_authorization("aws4_request", "aws5_request")
    yield "key of the scope", good.with_authorization(Pair().access_key_id, PREFIXED.access_key_id)
    yield "algorithm", good.with_authorization("^AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512")
    yield "no signature", good.with_authorization("[0-9a-f]{64}$", "")
    yield "short signature", good.with_authorization("..$", "")
    yield "long signature", good.with_authorization("$", "00")
    yield "capital letters", good.with_authorization("[0-9a-f]{64}$", signature.upper())
    yield "first digit", good.with_authorization("Signature=.", f"Signature={'0' if signature[0] != '0' else '1'}")
    yield "last digit", good.with_authorization(".$", "0" if signature[-1] != "0" else "1")
    yield "a name that is not there", good.with_authorization("SignedHeaders=", "SignedHeaders=a-header;")
    yield "names in another order", good.with_authorization(";".join(names), ";".join(reversed(names)))
    for name in names:
        fewer = ";".join(one for one in names if one != name)
        yield f"{name} not among the names", good.with_authorization(";".join(names), fewer)


def _changed_query(good: Message) -> Iterator[tuple[str, Message]]:
    def put(name: str, value: str) -> Message:
        return replace(good, query=re.sub(f"(^|&){name}=[^&]*", rf"\g<1>{name}={value}", good.query))

    signature = good.query[-64:]
    yield "expiry", put("X-Amz-Expires", "901")
    yield "date", put("X-Amz-Date", Signer().earlier(minutes=1).amz_date)
    yield "names", put("X-Amz-SignedHeaders", "accept%3Bhost")
    yield "no names", put("X-Amz-SignedHeaders", "")
    yield "algorithm", put("X-Amz-Algorithm", "AWS4-HMAC-SHA512")
    yield "no signature", put("X-Amz-Signature", "")
    yield "short signature", put("X-Amz-Signature", signature[:-2])
    yield "capital letters", put("X-Amz-Signature", signature.upper())
    yield "last digit", put("X-Amz-Signature", signature[:-1] + ("0" if signature[-1] != "0" else "1"))
    for what, old, new in (("region", "us-west-004", "us-east-1"), ("service", "%2Fs3%2F", "%2Fiam%2F"),
                           ("end", "aws4_request", "aws5_request"), ("key", "demo-key-id", "prefixed-key-id"),
                           ("day", Signer().amz_date[:8] + "%2F", "20150830%2F")):  # fmt: skip
        yield f"{what} of the scope", replace(good, query=good.query.replace(old, new))


@pytest.mark.parametrize("form", FORMS)
def test_every_case_of_the_suite_is_let_in(proxy: Proxy, form: str) -> None:
    answers = {case["name"]: FORMS[form](case, Signer()).send(proxy) for case in suite()}

    assert len(answers) >= 24
    assert answers.pop(TOKEN).code == "InvalidToken"
    assert [name for name, answer in answers.items() if not _is_let_in(answer)] == []


@pytest.mark.parametrize("form", FORMS)
def test_no_case_of_the_suite_is_let_in_when_it_was_changed(proxy: Proxy, form: str) -> None:
    passed, count = [], 0
    for case in (case for case in suite() if case["name"] != TOKEN):
        good = FORMS[form](case, Signer().earlier(seconds=1))
        assert _is_let_in(good.send(proxy)), case["name"]
        proxy.b2.forget()
        changes = _changed_header(good) if form == "header" else _changed_query(good)
        for what, other in (*_anyhow_changed(case, good, form), *changes):
            assert other != good, what
            answer = other.send(proxy)
            count += 1
            if _is_let_in(answer) or answer.status not in (400, 403) or proxy.b2.requests:
                passed.append((case["name"], what, answer.status, answer.code))

    assert count > 600
    assert passed == []


@pytest.mark.parametrize("form", FORMS)
def test_the_letters_of_a_path_and_a_query_may_come_as_they_are(proxy: Proxy, form: str) -> None:
    """As AWS's own files have them: not encoded."""
    found = [case for case in suite() if "utf8" in case["name"]]

    assert {case["name"] for case in found} == {"get-utf8", "get-vanilla-utf8-query"}
    for case in found:
        good = FORMS[form](case, Signer())
        letters = case["path"] + case["query"]
        raw = replace(
            good,
            path=good.path.replace("%E1%88%B4", unquote("%E1%88%B4")),
            query=good.query.replace("%E1%88%B4", unquote("%E1%88%B4")),
        )
        assert "%E1%88%B4" in letters and raw != good
        assert _is_let_in(raw.send(proxy)), case["name"]
