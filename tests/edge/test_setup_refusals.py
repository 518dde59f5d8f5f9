"""What bowerbird setup stops on: it says why and what to do, and nothing was changed."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from b2sdk.v3.exception import DuplicateBucketName, EmailNotVerified, NoPaymentHistory, TransactionCapExceeded

from app.edge.rules import CAPABILITIES
from app.edge.worker import PROXY, READER
from tests.edge.clouds import BUCKET, CLOUDFLARE_TOKEN, DOMAIN, OPERATOR, PROXY_HOST, Clouds, foreign_rule, two_clouds
from tests.edge.zone import PERMISSIONS

Prepare = Callable[[Clouds], Any]


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    with two_clouds(tmp_path) as made:
        yield made


def record(kind: str, content: str, name: str = DOMAIN) -> Prepare:
    made = {"id": "1" * 32, "name": name, "type": kind, "content": content, "proxied": True, "ttl": 1}
    return lambda clouds: clouds.zone.records.append(made)


def refusal(call: str, error: Exception) -> Prepare:
    return lambda clouds: clouds.b2.refusals.update({call: error})


def without_permission(name: str) -> Prepare:
    def take(clouds: Clouds) -> None:
        [token] = clouds.api.account.tokens
        clouds.api.account.tokens[:] = [replace(token, permissions=frozenset(PERMISSIONS) - {name})]

    return take


def without_capability(name: str) -> Prepare:
    def take(clouds: Clouds) -> None:
        clouds.key_id, clouds.key = clouds.make_key(tuple(one for one in OPERATOR if one != name))

    return take


def token(**values: Any) -> Prepare:
    def change(clouds: Clouds) -> None:
        clouds.api.account.tokens[:] = [replace(clouds.api.account.tokens[0], **values)]

    return change


def as_master(clouds: Clouds) -> None:
    clouds.key_id, clouds.key = clouds.account_id, clouds.master_key


def as_key_of_another_bucket(clouds: Clouds) -> None:
    clouds.key_id, clouds.key = clouds.make_key(OPERATOR, bucket_id=clouds.make_bucket("another-bucket"))


def wrong_key(clouds: Clouds) -> None:
    clouds.key = "wrong"


def rules_of_another_domain(clouds: Clouds) -> None:
    rule = {**foreign_rule("http_config_settings", 1), "ref": "bowerbird_ssl"}
    clouds.zone.put_ruleset("http_config_settings", [rule])


def script(name: str) -> Prepare:
    made = {"modules": {}, "metadata": {}, "bindings": [], "secrets": {}, "subdomain": {}}
    return lambda clouds: clouds.api.account.scripts.update({name: made})


def domain(host: str) -> Prepare:
    made = {"id": "d", "hostname": host, "service": "theirs", "zone_id": "z", "zone_name": "n", "environment": "p"}
    return lambda clouds: clouds.api.account.domains.append(made)


def file(text: str) -> Prepare:
    return lambda clouds: clouds.path.write_text(text)


def private_bucket(clouds: Clouds) -> None:
    clouds.make_bucket(kind="allPrivate")


def bucket(clouds: Clouds) -> None:
    clouds.make_bucket()


WORKER = ("--worker", PROXY_HOST)
REFUSALS: dict[str, tuple[Prepare, tuple[str, ...], str]] = {
    "master key": (as_master, (), "--with-master-key"),
    "key that B2 does not know": (wrong_key, (), "B2 does not know this key: give a keyID as B2_APPLICATION_KEY_ID"),
    "key of another bucket": (as_key_of_another_bucket, (), "restricted to buckets: .*another-bucket"),
    "no payment": (
        refusal("create_bucket", NoPaymentHistory("", "no_payment_history")),
        (),
        "no_payment_history.*add a payment.*--private",
    ),
    "e-mail address": (
        refusal("create_bucket", EmailNotVerified("", "email_not_verified")),
        (),
        "email_not_verified.*open the link",
    ),
    "name taken": (
        refusal("create_bucket", DuplicateBucketName(BUCKET)),
        (),
        "somebody else has a bucket of this name",
    ),
    "cap": (refusal("list_buckets", TransactionCapExceeded()), (), "a cap is reached, see Caps & Alerts"),
    **{f"no {name}": (without_capability(name), (), f"lacks the capability {name}") for name in OPERATOR},
    "private bucket": (private_bucket, (), "show everyone what it holds.*--make-public.*--private"),
    "no such zone": (lambda clouds: setattr(clouds.zone, "name", "example.net"), (), "no zone for i.example.com"),
    "unknown token": (token(value="another"), (), "does not know this API token.*CLOUDFLARE_API_TOKEN"),
    "token out of use": (token(status="disabled"), (), "API token"),
    "no Zone Read": (without_permission("Zone Read"), (), "Zone > Zone > Read"),
    "no DNS Edit": (without_permission("DNS Edit"), (), "Zone > DNS > Edit"),
    "no Transform Rules Edit": (without_permission("Transform Rules Edit"), (), "Zone > Transform Rules > Edit"),
    "no Config Rules Edit": (without_permission("Config Rules Edit"), (), "Zone > Config Rules > Edit"),
    "no Cache Rules Edit": (without_permission("Cache Rules Edit"), (), "Zone > Cache Rules > Edit"),
    "no Workers Scripts Edit": (without_permission("Workers Scripts Edit"), WORKER, "Account > Workers Scripts > Edit"),
    "address in the way": (record("A", "192.0.2.1"), (), "already stands in the DNS as A 192.0.2.1.*remove"),
    "other name in the way": (record("CNAME", "pages.example.net"), (), "as CNAME pages.example.net"),
    "address in the way of the proxy": (record("A", "192.0.2.1", PROXY_HOST), WORKER, "another name for --worker"),
    "rules of another domain": (rules_of_another_domain, (), "rules for www1.example.com"),
    "Worker of our name": (script(PROXY), WORKER, "was not put there by this command"),
    "read Worker of our name": (script(READER), ("--private",), "was not put there by this command"),
    "domain of another Worker": (domain(DOMAIN), (), "domain of another Worker, theirs"),
    "domain of another Worker, private": (domain(DOMAIN), ("--private",), "domain of another Worker, theirs"),
    "proxy's domain of another Worker": (domain(PROXY_HOST), WORKER, "domain of another Worker, theirs"),
    "proxy in another zone": (bucket, ("--worker", "s3.example.net"), "s3.example.net is not in the zone example.com"),
    "another endpoint": (file("BOWERBIRD_S3_ENDPOINT=https://s3.example.com\n"), (), "add --worker s3.example.com"),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_it_stops_says_why_and_has_changed_nothing(clouds: Clouds, reason: str) -> None:
    prepare, arguments, said = REFUSALS[reason]
    prepare(clouds)
    before, text = clouds.state(), clouds.path.read_bytes() if clouds.path.exists() else None
    clouds.wire.reset()

    ended = clouds.run(*arguments)

    assert ended.code == 1
    assert re.search(said, ended.error), ended.error
    assert ended.error.count("\n") == 0
    assert clouds.state() == before
    assert (clouds.path.read_bytes() if clouds.path.exists() else None) == text
    assert "created" not in ended.out and "changed" not in ended.out and "removed" not in ended.out


USAGE: dict[str, tuple[tuple[str, ...], dict[str, str | None], str]] = {
    "domain": (("--domain", "I.Example.com"), {}, "'I.Example.com' is not the name of a host"),
    "bucket": (("--bucket", "b2-mine"), {}, "is not the name of a bucket"),
    "file info": (("--file-info", "a b"), {}, "is not the name of a file info"),
    "proxy at the images": (("--worker", DOMAIN), {}, "needs a name of its own"),
    "proxy": (("--worker", "https://s3.example.com"), {}, "is not the name of a host"),
    "base url": (("--base-url", "up.example.com"), {}, "give an address such as"),
    "no credentials": ((), {"CLOUDFLARE_API_TOKEN": None}, "set B2_APPLICATION_KEY_ID, B2_APPLICATION_KEY and CLOUD"),
    "half a key": ((), {"B2_APPLICATION_KEY": None}, "give both B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY"),
    "half a pair": ((), {"BOWERBIRD_S3_ACCESS_KEY_ID": "x"}, "BOWERBIRD_S3_SECRET_ACCESS_KEY, or neither"),
    "region": (("--print", "--region", "us-west"), {}, "'us-west' is not a region of B2"),
    "no region": (("--print",), {"B2_APPLICATION_KEY_ID": None, "B2_APPLICATION_KEY": None}, "give --region"),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(clouds: Clouds, case: str) -> None:
    arguments, environment, said = USAGE[case]

    ended = clouds.run(*arguments, **environment)

    assert ended.code == 2
    assert said in ended.err + ended.error
    assert clouds.wire.calls == []


@pytest.mark.parametrize("library", ["b2sdk.v3", "cloudflare"])
def test_without_the_extra_it_says_how_to_install_it(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    ended = clouds.run()

    assert (ended.code, ended.error.count("\n")) == (2, 0)
    assert "pip install 'bowerbird[server,setup]'" in ended.error
    assert clouds.wire.changes == []


def test_the_master_key_works_where_it_is_meant_and_is_not_kept(clouds: Clouds) -> None:
    as_master(clouds)

    assert clouds.run("--with-master-key").code == 0

    assert clouds.master_key not in clouds.path.read_text()
    clouds.check_usable()


def test_a_token_that_may_only_look_stops_where_it_has_to_write_and_the_rest_is_told(clouds: Clouds) -> None:
    only = (frozenset(PERMISSIONS) - {"Config Rules Edit"}) | {"Config Rules Read"}
    token(permissions=only)(clouds)

    stopped = clouds.run()

    assert (stopped.code, "Zone > Config Rules > Edit" in stopped.error) == (1, True)
    assert "created  ruleset http_request_transform\n" in stopped.out
    assert "not done ruleset http_config_settings\n" in stopped.err and "not done DNS record" in stopped.err
    assert "run it again" in stopped.err
    token(permissions=frozenset(PERMISSIONS))(clouds)
    again = clouds.run()
    assert again.code == 0 and "created  ruleset http_request_transform" not in again.out


def test_a_cloud_that_fails_is_told_from_one_that_refuses(clouds: Clouds) -> None:
    clouds.api.trouble(500, method="POST")

    ended = clouds.run()

    assert (ended.code, "run it again later" in ended.error) == (1, True)
    assert clouds.run().code == 0


def test_a_pair_made_by_hand_serves_where_the_key_may_make_none(clouds: Clouds) -> None:
    bucket_id = clouds.make_bucket()
    pair = clouds.make_key(CAPABILITIES, "by-hand", bucket_id)
    clouds.key_id, clouds.key = clouds.make_key(("listBuckets", "writeBuckets"), "operator-2")
    refused = clouds.run()
    assert "writeKeys" in refused.error and "BOWERBIRD_S3_ACCESS_KEY_ID" in refused.error
    given = {"BOWERBIRD_S3_ACCESS_KEY_ID": pair[0], "BOWERBIRD_S3_SECRET_ACCESS_KEY": pair[1]}

    assert clouds.run(**given).code == 0

    settings = clouds.settings()
    assert (settings["S3_ACCESS_KEY_ID"], settings["S3_SECRET_ACCESS_KEY"]) == pair
    assert clouds.run().out == "nothing to change\n"


@pytest.mark.parametrize(
    ("capabilities", "of_bucket", "said"),
    [
        (("readFiles", "listFiles"), True, "lacks the capability writeFiles, deleteFiles"),
        (CAPABILITIES, False, "it is not restricted to this bucket"),
    ],
)
def test_a_pair_made_by_hand_has_to_do_for_the_app(
    clouds: Clouds, capabilities: tuple[str, ...], of_bucket: bool, said: str
) -> None:
    bucket_id = clouds.make_bucket()
    key_id, secret = clouds.make_key(capabilities, "by-hand", bucket_id if of_bucket else None)
    before = clouds.state()

    ended = clouds.run(BOWERBIRD_S3_ACCESS_KEY_ID=key_id, BOWERBIRD_S3_SECRET_ACCESS_KEY=secret)

    assert ended.code == 1 and said in ended.error
    assert clouds.state() == before


def test_a_key_whose_secret_is_nowhere_is_replaced_and_then_deleted(clouds: Clouds) -> None:
    assert clouds.run().code == 0
    first = clouds.settings()["S3_ACCESS_KEY_ID"]
    text = "".join(line for line in clouds.path.read_text().splitlines(True) if "SECRET_ACCESS_KEY" not in line)
    clouds.path.write_text(text)

    ended = clouds.run()

    second = clouds.settings()["S3_ACCESS_KEY_ID"]
    assert second != first
    assert ended.out.splitlines() == [
        f"created  application key bowerbird-{BUCKET}",
        f"changed  settings file {clouds.path}: the key",
        f"removed  application key bowerbird-{BUCKET}",
    ]
    assert [one[0] for one in clouds.all_keys()].count(f"bowerbird-{BUCKET}") == 1
    clouds.check_usable()


def test_a_token_of_the_apps_own_goes_into_the_file_and_stays_there(clouds: Clouds) -> None:
    assert clouds.run(BOWERBIRD_CLOUDFLARE_API_TOKEN="purges-and-no-more").code == 0
    assert clouds.settings()["CLOUDFLARE_API_TOKEN"] == "purges-and-no-more"

    assert clouds.run().out == "nothing to change\n"
    assert CLOUDFLARE_TOKEN not in clouds.path.read_text()


def test_the_environment_of_a_running_app_is_not_in_the_way(clouds: Clouds) -> None:
    assert clouds.run("--worker", PROXY_HOST).code == 0
    exported = {f"BOWERBIRD_{name}": value for name, value in clouds.settings().items() if name != "CLOUDFLARE_API_URL"}

    ended = clouds.run("--worker", PROXY_HOST, **exported)

    assert (ended.error, ended.out) == ("", "nothing to change\n")


def test_a_zone_that_is_not_yet_in_use_is_set_up_and_said(clouds: Clouds) -> None:
    clouds.zone.status = "pending"

    ended = clouds.run()

    assert ended.code == 0
    assert "the zone example.com is pending" in ended.err
