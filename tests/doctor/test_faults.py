"""Every fault that is made in the chain is found by the check that is about it, and leaves nothing behind."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.answers import Answer
from app.doctor import Patience
from app.settings import PREFIX, Settings
from app.store.s3_raw import RawBucket
from tests.doctor.chain import KEYS, PATIENCE, Chain
from tests.doctor.harms import PRIVATE, PUBLIC, PURGE, Harm
from tests.doctor.harms_inside import APP, ENDPOINT, LOCAL


def rows(chain: Chain) -> list[tuple[str]]:
    """Return what the catalog knows of the doctor's objects."""
    with sqlite3.connect(chain.app.data_dir / "catalog.sqlite3") as connection:
        found = connection.execute("SELECT key FROM uploads UNION SELECT id FROM events WHERE id LIKE 'probe%'")
        return found.fetchall()


def environment_of(settings: Settings) -> dict[str, str]:
    """Return what a shell would have to export for these settings."""
    given = settings.model_dump(include=settings.model_fields_set)
    told = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()}
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in told.items()}


def secrets_of(chain: Chain) -> list[str]:
    """Return every secret of the doctor's settings, and those of the other hops."""
    settings = chain.settings()
    values = [getattr(settings, name) for name in type(settings).model_fields]
    own = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return [one for one in {*own, *(key.secret_access_key for key in KEYS)} if one and "://" not in one]


def test_a_chain_without_a_fault_is_green_and_nothing_is_left_of_the_visit(chain: Chain) -> None:
    found = chain.visit()

    assert [one for one in found if one.level != "ok"] == []
    assert len(found) >= 35
    assert (chain.b2.versions(), rows(chain), chain.edge.zone.cache.keys()) == ([], [], [])


def test_a_private_bucket_behind_the_read_worker_is_as_good(chain: Chain) -> None:
    chain.read_worker()

    found = chain.visit()

    assert [one for one in found if one.level != "ok"] == []
    assert (chain.b2.versions(), rows(chain)) == ([], [])


@pytest.mark.parametrize("harm", [*PUBLIC, *PRIVATE, *PURGE, *ENDPOINT, *APP, *LOCAL], ids=lambda harm: harm.name)
def test_the_doctor_names_what_is_wrong(chain: Chain, harm: Harm) -> None:
    harm.does(chain)
    is_local = harm in APP or harm in LOCAL

    found = chain.visit(only_public=not is_local, patience=Patience(0.5, 1.5, 0.3) if is_local else PATIENCE)

    first, *others = [one for one in found if one.level in ("fail", "warn")]
    assert (first.check, first.level) == (harm.check, harm.level), first
    assert harm.word in f"{first.seen}: {first.advice}"
    assert tuple(one.check for one in others) == harm.also, others
    assert not [secret for secret in secrets_of(chain) if secret in repr(found)]
    visible = {key for key in {one[0] for one in chain.b2.versions()} if chain.b2.body(key) is not None}
    assert visible == set()


def test_a_clock_that_is_an_hour_off_is_found(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore import auth

    real = auth.get_current_datetime
    hour = timedelta(hours=1)
    monkeypatch.setattr(auth, "get_current_datetime", lambda **options: real(**options) + hour)

    found = {one.check: one for one in chain.visit(only_public=True, clock=lambda: time.time() + 3600)}

    assert re.search(r"36\d\d s ahead", found["endpoint clock"].seen)
    assert "NTP" in found["endpoint clock"].advice
    assert "RequestTimeTooSkewed" in found["signature"].seen
    assert found["bucket PUT"].level == "skip"


def test_what_could_only_be_hidden_is_told(chain: Chain) -> None:
    chain.worker(B2_APPLICATION_KEY_ID="no-delete")

    last = chain.visit(only_public=True)[-1]

    assert (last.check, last.level) == ("clean-up", "warn")
    assert last.seen.startswith("doctor-") and "hidden" in last.seen


def test_what_cannot_even_be_hidden_is_told_by_its_name(chain: Chain) -> None:
    chain.client(operations=["put", "get"])

    found = chain.visit(only_public=True)

    assert [one.check for one in found if one.level == "fail"] == ["bucket DELETE", "clean-up"]
    assert "operations" in next(one.advice or "" for one in found if one.check == "bucket DELETE")
    assert all(key in found[-1].seen for key, *_ in chain.b2.versions())
    assert len(chain.b2.versions()) == 5


def test_an_answer_that_was_lost_leaves_nothing_in_the_bucket(chain: Chain) -> None:
    from tests.b2 import Fault

    chain.b2.faults.add(Fault("lost", method="PUT", key="doctor-"))

    found = chain.visit(only_public=True)

    assert {one.level for one in found} == {"ok"}
    assert chain.b2.versions() == []


def test_a_visit_that_is_broken_off_cleans_up(chain: Chain) -> None:
    from contextlib import closing

    from app.doctor import examine
    from app.doctor.web import Web

    web = Web(resolve=chain.resolve, ca_bundle=chain.folder / "trusted.pem")
    with closing(examine(chain.settings(), web=web, only_public=True)) as findings:
        for one in findings:
            if one.check == "public errors":
                break
        there = len(chain.b2.versions())

    assert there == 3
    assert chain.b2.versions() == []
    assert chain.edge.zone.cache.keys() == []


def test_a_clean_up_that_is_broken_off_begins_again(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    delete, times = RawBucket.delete, iter(range(100))

    def interrupted(self: RawBucket, *arguments: str) -> Answer:
        if next(times) == 1:
            raise KeyboardInterrupt
        return delete(self, *arguments)

    monkeypatch.setattr(RawBucket, "delete", interrupted)
    with pytest.raises(KeyboardInterrupt):
        chain.visit(only_public=True)

    assert next(times) > 2
    assert chain.b2.versions() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_cleans_up_when_a_signal_ends_it(chain: Chain, number: int) -> None:
    chain.changes = {"public_url": chain.edge.url}
    environment = {"PATH": os.environ["PATH"]} | environment_of(chain.settings())
    command = [sys.executable, "-m", "app.cli", "doctor", "--public-only"]
    with subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        while "bucket PUT" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        process.send_signal(number)
        said = process.stderr.read()

    assert process.returncode == 1
    assert "removed first" in said and "Traceback" not in said
    assert chain.b2.requests
    assert chain.b2.versions() == []


def test_json_of_the_command_is_green_and_has_no_secret(chain: Chain) -> None:
    chain.changes = {"public_url": chain.edge.url, "cloudflare_api_token": "", "cloudflare_zone_id": ""}
    environment = {"PATH": os.environ["PATH"]} | environment_of(chain.settings())
    command = [sys.executable, "-m", "app.cli", "doctor", "--json"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, [one["check"] for one in json.loads(done.stdout) if one["level"] != "ok"]) == (
        0, ["public deletion"],
    )  # fmt: skip
    assert not [secret for secret in secrets_of(chain) if secret in done.stdout + done.stderr]


def test_a_visit_costs_what_the_help_says(chain: Chain) -> None:
    chain.visit()

    spent = chain.b2.transactions
    assert 12 <= spent["B"] <= 18
    assert spent["C"] == 0
