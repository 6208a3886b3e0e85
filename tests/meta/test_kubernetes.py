import base64
import copy
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, latest_version, validate

from tokenauthority_server.adapters.callers.file import read_callers
from tokenauthority_server.app import STOP_GRACE_SECONDS
from tokenauthority_server.config import Settings, load_settings
from tokenauthority_server.config.loading import KNOWN, SECRETS
from tokenauthority_server.transport import health
from tokenauthority_server.transport.health_check import PATHS
from tokenauthority_server.transport.policy import POLICIES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OLDEST_SUPPORTED = "1.27"
NEWEST_KNOWN = latest_version()

COREDNS_TTL = 5
"""Seconds for which CoreDNS lets its answers be kept, unless told otherwise."""

# What the Dockerfile sets, as its own test proves.
IMAGE = {"GRPC_HOST": "0.0.0.0", "HTTP_HOST": "0.0.0.0"}  # noqa: S104

Manifest = dict[str, Any]


def read(name: str) -> Manifest:
    manifest: Manifest = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return manifest


def with_examples(name: str) -> str:
    """The file with all that may be added to it, by taking away the marks."""
    return (FOLDER / name).read_text("utf-8").replace("#: ", "")


def settings_in(text: str) -> dict[str, str]:
    lines = text.splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def configuration() -> dict[str, str]:
    return settings_in((FOLDER / "configuration.env").read_text("utf-8"))


def setting_names() -> set[str]:
    return {name.upper() for name in Settings.model_fields}


KUSTOMIZATION = read("kustomization.yaml")
MANIFESTS: dict[str, Manifest] = {name: read(name) for name in KUSTOMIZATION["resources"]}
DEPLOYMENT = MANIFESTS["deployment.yaml"]
SERVICE = MANIFESTS["service.yaml"]
POLICY = MANIFESTS["network-policy.yaml"]
PODS = {name: MANIFESTS[name]["spec"]["template"] for name in ("deployment.yaml", "migration.yaml")}


def container(name: str) -> Manifest:
    (only,) = PODS[name]["spec"]["containers"]
    found: Manifest = only
    return found


SERVER = container("deployment.yaml")
SERVER_PORTS = {port["name"]: port["containerPort"] for port in SERVER["ports"]}


@pytest.mark.parametrize("version", [OLDEST_SUPPORTED, NEWEST_KNOWN])
@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_is_valid_strictly(name: str, version: str) -> None:
    validate(MANIFESTS[name], version, strict=True)


def test_the_validation_refuses_a_field_that_does_not_exist() -> None:
    misspelt = copy.deepcopy(DEPLOYMENT)
    misspelt["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(ValidationError, match="livenessProb"):
        validate(misspelt, NEWEST_KNOWN, strict=True)


def test_what_may_be_added_is_valid_and_is_mounted_where_the_settings_say() -> None:
    manifest: Manifest = yaml.safe_load(with_examples("deployment.yaml"))
    for version in (OLDEST_SUPPORTED, NEWEST_KNOWN):
        validate(manifest, version, strict=True)
    pod = manifest["spec"]["template"]["spec"]
    mounted = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounted.keys() == {one["name"] for one in pod["volumes"]}
    added = settings_in(with_examples("configuration.env")).items() - configuration().items()
    paths = {name: value for name, value in added if value.startswith("/")}
    assert paths == {
        "SIGNING_KEYS_DIR": mounted["signing-keys"],
        "LEGACY_JWT_SECRET_KEY_FILE": f"{mounted['platform']}/jwt-secret",
    }
    assert {name for name, _ in added} <= KNOWN


def test_the_kustomization_applies_every_file() -> None:
    configuration, callers = KUSTOMIZATION["configMapGenerator"]
    applied = {*KUSTOMIZATION["resources"], *configuration["envs"], *callers["files"]}
    present = {path.name for path in FOLDER.iterdir()}
    assert applied == present - {"kustomization.yaml"}


def test_the_image_is_this_version() -> None:
    project = tomllib.loads((ROOT / "server" / "pyproject.toml").read_text("utf-8"))["project"]
    (image,) = KUSTOMIZATION["images"]
    assert image["newTag"] == project["version"]
    assert {container(name)["image"] for name in PODS} == {image["name"]}


def test_every_environment_name_is_a_setting() -> None:
    by_reference = {entry["name"] for name in PODS for entry in container(name)["env"]}
    assert configuration().keys() | by_reference <= setting_names()


def test_secrets_come_by_reference_only() -> None:
    secrets = {name.upper() for name in SECRETS}
    for name in PODS:
        for entry in container(name)["env"]:
            assert set(entry) == {"name", "valueFrom"}
            assert entry["valueFrom"]["secretKeyRef"]["key"] == entry["name"]
    assert {entry["name"] for entry in SERVER["env"]} <= secrets
    assert not configuration().keys() & secrets
    assert "Secret" not in {manifest["kind"] for manifest in MANIFESTS.values()}


def test_the_server_starts_with_what_it_is_given_and_the_migration_with_less(
    tmp_path: Path,
) -> None:
    no_file = tmp_path / ".env"
    secrets = {
        "DATABASE_URL": "postgresql://user:password@database:5432/wakedock",
        "REDIS_URL": "redis://redis:6379",
        "KEY_ENCRYPTION_KEY": base64.b64encode(os.urandom(32)).decode(),
    }
    of_the_server, of_the_migration = (
        IMAGE | {entry["name"]: secrets[entry["name"]] for entry in container(name)["env"]}
        for name in PODS
    )
    settings = load_settings(of_the_server | configuration(), no_file, mode="serve")
    # Nothing misspelt, nothing unused, nothing open.
    assert not settings.warnings
    assert not load_settings(of_the_migration, no_file, mode="migrate").warnings


def test_certificates_and_callers_are_mounted_where_the_settings_say() -> None:
    pod = PODS["deployment.yaml"]["spec"]
    mounted = {one["name"]: one["mountPath"] for one in SERVER["volumeMounts"]}
    assert mounted.keys() == {one["name"] for one in pod["volumes"]}
    # With it a change would never come to a running server.
    assert not [one for one in SERVER["volumeMounts"] if "subPath" in one or not one["readOnly"]]
    paths = {name: value for name, value in configuration().items() if value.startswith("/")}
    assert paths == {
        "TLS_CERT_FILE": f"{mounted['tls']}/tls.crt",
        "TLS_KEY_FILE": f"{mounted['tls']}/tls.key",
        "TLS_CLIENT_CA_FILE": f"{mounted['tls']}/ca.crt",
        "CALLERS_FILE": f"{mounted['callers']}/callers.toml",
    }
    (callers,) = (one for one in pod["volumes"] if one["name"] == "callers")
    generator = KUSTOMIZATION["configMapGenerator"][1]
    assert callers["configMap"] == {"name": generator["name"]}
    assert generator["options"] == {"disableNameSuffixHash": True}


def test_the_callers_are_good() -> None:
    callers = read_callers(FOLDER / "callers.toml", POLICIES)
    # A key, and were it only as its digest, is for whoever deploys to bring along.
    assert callers.by_certificate_alone == tuple(callers.entries)


def test_a_replica_may_drain_before_it_is_killed() -> None:
    grace = PODS["deployment.yaml"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > int(configuration()["DRAIN_SECONDS"]) + STOP_GRACE_SECONDS


def test_no_replica_goes_before_callers_know_its_successor() -> None:
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert DEPLOYMENT["spec"]["minReadySeconds"] >= COREDNS_TTL


def test_the_server_reads_the_generated_configuration() -> None:
    generator = KUSTOMIZATION["configMapGenerator"][0]
    assert SERVER["envFrom"] == [{"configMapRef": {"name": generator["name"]}}]


def test_the_ports_are_the_ones_that_the_server_listens_on() -> None:
    listening = {
        "grpc": int(configuration()["GRPC_PORT"]),
        "http": int(configuration()["HTTP_PORT"]),
    }
    assert listening == SERVER_PORTS
    # Headless: a caller reaches the container's port under the number that the Service names.
    assert SERVICE["spec"]["clusterIP"] == "None"
    assert {port["name"]: port["port"] for port in SERVICE["spec"]["ports"]} == listening
    assert {port["targetPort"] for port in SERVICE["spec"]["ports"]} == listening.keys()
    admitted = {port["port"] for rule in POLICY["spec"]["ingress"] for port in rule["ports"]}
    assert admitted == listening.keys()


@pytest.mark.parametrize(
    ("probe", "service"),
    [
        ("startupProbe", health.READINESS),
        ("readinessProbe", health.READINESS),
        ("livenessProbe", health.LIVENESS),
    ],
)
def test_each_probe_asks_for_the_health_that_the_server_tells(probe: str, service: str) -> None:
    # kubelet's gRPC probes speak no TLS.
    assert SERVER[probe]["httpGet"] == {"path": PATHS[service], "port": "http"}


@pytest.mark.parametrize("name", PODS)
def test_pods_are_restricted(name: str) -> None:
    pod = PODS[name]["spec"]
    user = pod["securityContext"]["runAsUser"]
    group = pod["securityContext"]["runAsGroup"]
    assert f"USER {user}:{group}" in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    # Variables of other Services could pass for settings.
    assert pod["enableServiceLinks"] is False
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container(name)["resources"]["limits"]


def test_selectors_find_the_servers_and_not_the_migration() -> None:
    budget = MANIFESTS["disruption-budget.yaml"]["spec"]["selector"]["matchLabels"]
    spread = [
        constraint["labelSelector"]["matchLabels"]
        for constraint in PODS["deployment.yaml"]["spec"]["topologySpreadConstraints"]
    ]
    replicas = DEPLOYMENT["spec"]["selector"]["matchLabels"]
    servers = PODS["deployment.yaml"]["metadata"]["labels"].items()
    migration = PODS["migration.yaml"]["metadata"]["labels"].items()
    for selector in [SERVICE["spec"]["selector"], budget, replicas, *spread]:
        assert selector.items() <= servers
        assert not selector.items() <= migration
    for labels in (servers, migration):
        assert POLICY["spec"]["podSelector"]["matchLabels"].items() <= labels
