"""The Terraform configuration: what the two providers' own schemas take, and the same as the set-up does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.edge import terraform, worker
from app.edge.rules import Site, describe
from app.resources import folder

ENDPOINT = "https://s3.us-west-004.backblazeb2.com"
# An excerpt of the schemas as the providers publish them: each name with how it is set, its type, and what is inside.
SCHEMA = json.loads((Path(__file__).parent / "terraform_schema.json").read_text())["resources"]
META = {"depends_on"}
SCALAR = {"String": str, "Number": int, "Boolean": bool}
PUBLIC = Site("i.example.com", "my-pictures", "f004.backblazeb2.com", file_info=("mtime", "hash"))
PRIVATE = Site("i.example.com", "my-pictures", "f004.backblazeb2.com", is_private=True)


def configuration(site: Site, **more: str) -> dict[str, Any]:
    return json.loads(files(site, **more)["main.tf.json"])


def files(site: Site, **more: str) -> dict[str, bytes]:
    modules = {
        worker.PROXY: worker.modules(folder("worker"), worker.PROXY),
        worker.READER: {"read/src/index.js": b"//"},
    }
    named = [*([worker.PROXY] if more.get("proxy_host") else []), *([worker.READER] if site.is_private else [])]
    return terraform.files(site, ENDPOINT, {name: modules[name] for name in named}, **more)


def problems(value: Any, schema: dict[str, Any], where: str) -> list[str]:
    """Return what in a block is not as the schema has it."""
    found = [
        f"{where}.{name} is not there" for name, (how, *_) in schema.items() if how == "Required" and name not in value
    ]
    for name, inner in value.items():
        if name in META:
            continue
        if name not in schema or schema[name][0] == "Read-Only":
            found.append(f"{where}.{name} cannot be set")
            continue
        _, kind, *inside = schema[name]
        blocks = [inner]
        if re.search(r"List|Set", kind):
            if not isinstance(inner, list):
                found.append(f"{where}.{name} is not a list")
                continue
            blocks = inner
        elif "Map" in kind:
            blocks = list(inner.values())
        for block in blocks:
            if inside:
                found += problems(block, inside[0], f"{where}.{name}")
            elif (
                scalar := SCALAR.get(kind.removeprefix("List of ").removeprefix("Set of ").removeprefix("Map of "))
            ) and not (isinstance(block, scalar) or (isinstance(block, str) and block.startswith("${"))):
                found.append(f"{where}.{name} is not a {kind}")
    return found


CASES = [
    (PUBLIC, {}),
    (PUBLIC, {"proxy_host": "s3.example.com"}),
    (PUBLIC, {"proxy_host": "s3.example.com", "base_url": "https://up.example.com"}),
    (PRIVATE, {}),
    (PRIVATE, {"proxy_host": "s3.example.com", "base_url": "https://up.example.com"}),
]


@pytest.mark.parametrize(("site", "more"), CASES)
def test_every_resource_is_as_the_providers_schema_has_it(site: Site, more: dict[str, str]) -> None:
    made = configuration(site, **more)

    for kind, resources in made["resource"].items():
        for label, resource in resources.items():
            assert re.fullmatch(r"[a-z_][a-z0-9_]*", label)
            assert problems(resource, SCHEMA[kind], f"{kind}.{label}") == []


def test_the_check_finds_what_the_schema_does_not_have() -> None:
    ruleset = configuration(PUBLIC)["resource"]["cloudflare_ruleset"]["http_config_settings"]
    ruleset["rules"][0]["action_parameters"]["tls"] = "strict"
    ruleset["rules"][0]["enabled"] = "yes"
    del ruleset["kind"]

    assert problems(ruleset, SCHEMA["cloudflare_ruleset"], "r") == [
        "r.kind is not there",
        "r.rules.enabled is not a Boolean",
        "r.rules.action_parameters.tls cannot be set",
    ]


@pytest.mark.parametrize(("site", "more"), CASES)
def test_whatever_a_text_refers_to_is_there(site: Site, more: dict[str, str]) -> None:
    made = configuration(site, **more)
    text = json.dumps(made)
    references = re.findall(r"\$\{(?:jsonencode\(\[\{.*?)?((?:var|b2_\w+|cloudflare_\w+)\.\w+)", text)
    references += [f"var.{name}" for name in re.findall(r"\bvar\.(\w+)", text)]
    references += [
        name for some in made["resource"].values() for one in some.values() for name in one.get("depends_on", [])
    ]

    known = {f"var.{name}" for name in made["variable"]}
    known |= {f"{kind}.{label}" for kind, some in made["resource"].items() for label in some}
    assert references and set(references) <= known
    assert {f"var.{name}" for name in made["variable"]} <= set(references)


def test_it_is_the_same_edge() -> None:
    made, edge = configuration(PUBLIC)["resource"], describe(PUBLIC)

    assert {one["phase"]: one["rules"] for one in made["cloudflare_ruleset"].values()} == edge.rulesets
    record = made["cloudflare_dns_record"]["images"]
    assert {key: record[key] for key in edge.dns or {}} == edge.dns
    assert record["depends_on"] == [f"cloudflare_ruleset.{phase}" for phase in edge.rulesets]
    assert made["b2_bucket"]["images"]["bucket_type"] == "allPublic"


def test_the_code_of_a_worker_comes_along_under_the_name_it_is_called_by() -> None:
    made = files(PUBLIC, proxy_host="s3.example.com")
    version = json.loads(made["main.tf.json"])["resource"]["cloudflare_worker_version"]["proxy"]

    assert {one["content_file"] for one in version["modules"]} == set(made) - {"main.tf.json"}
    assert version["main_module"] in {one["name"] for one in version["modules"]}
    assert made["worker/src/index.js"] == (folder("worker") / "src/index.js").read_bytes()


def test_no_secret_is_in_it() -> None:
    made = configuration(PUBLIC, proxy_host="s3.example.com", base_url="https://up.example.com")
    bindings = made["resource"]["cloudflare_worker_version"]["proxy"]["bindings"]

    assert all("${" in one["text"] for one in bindings if one["type"] == "secret_text")
    assert made["variable"]["webhook_secret"]["sensitive"] is True
    assert made["output"]["s3_secret_access_key"]["sensitive"] is True
