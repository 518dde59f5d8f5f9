"""The alerts and the dashboard in docs/ ask for what /metrics tells, and docs/metrics.md names all of it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests import samples
from tests.conftest import UPLOADER
from tests.programs import find

DOCS = Path(__file__).parent.parent / "docs"
RULES = yaml.safe_load((DOCS / "bowerbird.rules.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((DOCS / "grafana.json").read_text())["panels"]
QUERIES = [rule["expr"] for rule in RULES] + [one["expr"] for panel in PANELS for one in panel["targets"]]
# What one series of each kind is called.
SERIES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@pytest.fixture
def families(client, app):
    """All that is told by a server to which a little of everything has happened."""
    parts = app.extensions["bowerbird"]
    client.post("/api/upload", data=samples.make("png"), headers={"Authorization": f"Bearer {UPLOADER}"})
    with parts.counts.store_call("put"), parts.counts.decoding("draw"):
        pass
    parts.catalog.jobs.succeeded("expiry", now=parts.uploads.clock())
    text = client.get("/metrics").text
    assert not (promtool := find("promtool")) or not subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=True
    ).stderr.replace("non-histogram and non-summary metrics should not have", "")
    return list(text_string_to_metric_families(text))


def names(families):
    return {family.name + end for family in families for end in SERIES[family.type]} | {"up"}


def test_each_query_is_about_what_there_is(families):
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    known = names(families) | {"bowerbird_worker_age_seconds"}  # where a worker lives
    for query in QUERIES:
        asked = set(re.findall(r"\b(?:bowerbird_\w+|up)\b", re.sub(r'"[^"]*"', "", query)))
        used = set(re.findall(r'(\w+)\s*(?:=~|!=|=)\s*"', query))
        for group in re.findall(r"\bby \(([^)]*)\)", query):
            used |= {one.strip() for one in group.split(",")}

        assert asked and asked <= known, query
        assert used <= labels | {"le"}, query


def test_names_are_as_prometheus_asks_and_each_has_its_meaning(families):
    for family in families:
        assert re.fullmatch(r"bowerbird_[a-z_]+", family.name) and family.documentation, family
        assert not family.name.endswith(("_count", "_sum", "_bucket", "_ms", "_kb")), family.name
        assert family.type != "histogram" or family.name.endswith("_seconds"), family.name


def test_the_docs_name_every_metric_and_no_other(families):
    told = set(re.findall(r"`(bowerbird_\w+)`", (DOCS / "metrics.md").read_text().split("\n## ")[1]))

    assert told == {
        family.name + ("_total" if family.type == "counter" else "") for family in families
    } | {"bowerbird_worker_age_seconds"}  # fmt: skip


def test_each_panel_has_a_place_of_its_own_and_each_alert_says_what_it_is_about():
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in PANELS
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]

    assert len(set(places)) == len(places) and max(x for x, _ in places) == 23
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in RULES)
