"""The edge as Terraform JSON, for cloudflare/cloudflare 5 and Backblaze/b2.

Sources: https://developer.hashicorp.com/terraform/language/syntax/json and the two providers' own schemas.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .rules import CAPABILITIES, Edge, Site, describe
from .worker import COMPATIBILITY_DATE, ENTRIES, PROXY, READER

_READER_CAPABILITIES = ("readFiles",)
_ZONE, _ACCOUNT = "${var.cloudflare_zone_id}", "${var.cloudflare_account_id}"


def files(
    site: Site, endpoint: str, modules: Mapping[str, Mapping[str, bytes]], *, proxy_host: str = "", base_url: str = ""
) -> dict[str, bytes]:
    """Return the files of a Terraform configuration, by their names: main.tf.json, and the code of the Workers.

    `endpoint` is B2's S3 address of the region; `modules` maps a Worker's name to its modules. What only the owner
    knows is a variable; credentials come from the providers' own environment names, and no secret is in any file.
    """
    edge = describe(site)
    resources: dict[str, dict[str, Any]] = {
        "b2_bucket": {"images": _bucket(edge.bucket)},
        "b2_application_key": {"app": _key(f"bowerbird-{site.bucket}", CAPABILITIES)},
    }
    variables = {"cloudflare_zone_id": _variable("the zone of the image domain")}
    if edge.dns:
        resources["cloudflare_dns_record"] = {"images": {"zone_id": _ZONE, **edge.dns, "depends_on": _rulesets(edge)}}
        resources["cloudflare_ruleset"] = {
            phase: {"zone_id": _ZONE, "name": f"Bowerbird: {phase}", "kind": "zone", "phase": phase, "rules": rules}
            for phase, rules in edge.rulesets.items()
        }
    if site.is_private:
        resources["b2_application_key"]["read"] = _key(f"bowerbird-{site.bucket}-read", _READER_CAPABILITIES)
        bindings = [*_b2(endpoint, "read"), _plain("B2_BUCKET", site.bucket)]
        _add_worker(resources, READER, "images", site.image_host, bindings, modules[READER])
    if proxy_host:
        names = ["client_secret_access_key", *(["webhook_secret"] if base_url else [])]
        variables |= {name: _variable("a random text of at least 16 characters", sensitive=True) for name in names}
        bindings = [*_b2(endpoint, "app"), *_of_proxy(site.bucket, base_url)]
        _add_worker(resources, PROXY, "proxy", proxy_host, bindings, modules[PROXY])
    if site.is_private or proxy_host:
        variables["cloudflare_account_id"] = _variable("the account of the zone")
    whole = {
        "//": "Made by bowerbird setup --terraform. A cloudflare_ruleset is the whole of its phase: where the zone has"
        " rules of its own in one of these phases, add them here, or they go.",
        "terraform": {
            "required_providers": {
                "cloudflare": {"source": "cloudflare/cloudflare", "version": "~> 5.22"},
                "b2": {"source": "Backblaze/b2", "version": "~> 0.12"},
            }
        },
        "variable": variables,
        "resource": resources,
        "output": {
            "s3_access_key_id": {"value": "${b2_application_key.app.application_key_id}"},
            "s3_secret_access_key": {"value": "${b2_application_key.app.application_key}", "sensitive": True},
        },
    }
    code = {f"worker/{name}": text for some in modules.values() for name, text in some.items()}
    return {"main.tf.json": json.dumps(whole, indent=2).encode() + b"\n", **code}


def _variable(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _rulesets(edge: Edge) -> list[str]:
    """The name leads somewhere last, when the rules stand."""
    return [f"cloudflare_ruleset.{phase}" for phase in edge.rulesets]


def _bucket(bucket: Mapping[str, Any]) -> dict[str, Any]:
    cors = {
        "corsRuleName": "cors_rule_name",
        "allowedOrigins": "allowed_origins",
        "allowedOperations": "allowed_operations",
        "allowedHeaders": "allowed_headers",
        "exposeHeaders": "expose_headers",
        "maxAgeSeconds": "max_age_seconds",
    }
    lifecycle = {
        "fileNamePrefix": "file_name_prefix",
        "daysFromUploadingToHiding": "days_from_uploading_to_hiding",
        "daysFromHidingToDeleting": "days_from_hiding_to_deleting",
        "daysFromStartingToCancelingUnfinishedLargeFiles": "days_from_starting_to_canceling_unfinished_large_files",
    }
    return {
        "bucket_name": bucket["bucketName"],
        "bucket_type": bucket["bucketType"],
        "bucket_info": bucket["bucketInfo"],
        "lifecycle_rules": [_renamed(rule, lifecycle) for rule in bucket["lifecycleRules"]],
        "cors_rules": [_renamed(rule, cors) for rule in bucket["corsRules"]],
    }


def _renamed(rule: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in rule.items() if value is not None}


def _key(name: str, capabilities: tuple[str, ...]) -> dict[str, Any]:
    return {"key_name": name, "capabilities": list(capabilities), "bucket_ids": ["${b2_bucket.images.bucket_id}"]}


def _plain(name: str, text: str) -> dict[str, str]:
    return {"type": "plain_text", "name": name, "text": text}


def _secret(name: str, text: str) -> dict[str, str]:
    return {"type": "secret_text", "name": name, "text": text}


def _b2(endpoint: str, key: str) -> list[dict[str, str]]:
    host = urlsplit(endpoint).netloc
    return [
        _plain("B2_ENDPOINT", host),
        _plain("B2_REGION", host.split(".")[1]),
        _plain("B2_APPLICATION_KEY_ID", f"${{b2_application_key.{key}.application_key_id}}"),
        _secret("B2_APPLICATION_KEY", f"${{b2_application_key.{key}.application_key}}"),
    ]


def _of_proxy(bucket: str, base_url: str) -> list[dict[str, str]]:
    client = f'accessKeyId = "app", secretAccessKey = var.client_secret_access_key, bucket = "{bucket}"'
    bindings = [_secret("CLIENT_KEYS", f"${{jsonencode([{{{client}}}])}}")]
    if base_url:
        bindings.append(_plain("WEBHOOK_URL", f"{base_url}/hooks/b2"))
        bindings.append(_secret("WEBHOOK_SECRET", "${var.webhook_secret}"))
    return bindings


def _add_worker(
    resources: dict[str, dict[str, Any]],
    name: str,
    label: str,
    host: str,
    bindings: list[dict[str, str]],
    modules: Mapping[str, bytes],
) -> None:
    """Add a Worker: itself, the version of its code, that this version is the one that runs, and its domain."""
    code = [
        {"name": one, "content_file": f"worker/{one}", "content_type": "application/javascript+module"}
        for one in sorted(modules)
    ]
    parts: dict[str, dict[str, Any]] = {
        "cloudflare_worker": {"account_id": _ACCOUNT, "name": name, "observability": {"enabled": True}},
        "cloudflare_worker_version": {
            "account_id": _ACCOUNT,
            "worker_id": f"${{cloudflare_worker.{label}.id}}",
            "compatibility_date": COMPATIBILITY_DATE,
            "main_module": ENTRIES[name],
            "modules": code,
            "bindings": bindings,
        },
        "cloudflare_workers_deployment": {
            "account_id": _ACCOUNT,
            "script_name": name,
            "strategy": "percentage",
            "versions": [{"percentage": 100, "version_id": f"${{cloudflare_worker_version.{label}.id}}"}],
        },
        "cloudflare_workers_custom_domain": {
            "account_id": _ACCOUNT,
            "zone_id": _ZONE,
            "hostname": host,
            "service": name,
            "depends_on": [f"cloudflare_workers_deployment.{label}"],
        },
    }
    for kind, resource in parts.items():
        resources.setdefault(kind, {})[label] = resource
