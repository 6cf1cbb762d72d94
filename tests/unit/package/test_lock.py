from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.lock import closure, lock_for, normal


@dataclass(frozen=True)
class Fake:
    version: str = "1.0"
    requires: list[str] | None = field(default=None)


def test_what_is_required_is_pinned_too_and_sorted() -> None:
    packages = {
        "web": Fake("2.1", ["Ur_L.Lib<3,>=1.21", "idna>=2"]),
        "ur-l-lib": Fake("2.0"),
        "idna": Fake("3.4"),
        "other": Fake(),
    }
    assert closure(["Web"], packages) == ["idna==3.4", "ur-l-lib==2.0", "web==2.1"]


def test_markers_and_extras_are_followed() -> None:
    packages = {
        "web": Fake(
            requires=[
                'old; python_version < "3"',
                'new; python_version >= "3"',
                'socks; extra == "socks"',
                'more[tls]; extra == "all"',
            ]
        ),
        "new": Fake(),
        "socks": Fake(),
        "more": Fake(requires=['tls; extra == "tls"']),
        "tls": Fake(),
    }
    assert closure(["web"], packages) == ["new==1.0", "web==1.0"]
    packages["app"] = Fake(requires=["web[all]"])
    assert closure(["app"], packages) == ["app==1.0", "more==1.0", "new==1.0", "tls==1.0", "web==1.0"]


def test_a_ring_of_packages_ends() -> None:
    packages = {"a": Fake(requires=["b"]), "b": Fake(requires=["a"])}
    assert closure(["a"], packages) == ["a==1.0", "b==1.0"]


def test_what_is_not_installed_is_told() -> None:
    with pytest.raises(PackageError, match=r"boto3 is not installed here.*pip install boto3"):
        closure(["boto3"], {})


@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_asking_does_not_matter(roots: list[str]) -> None:
    packages = {"a": Fake(requires=["c"]), "b": Fake(requires=["a"]), "c": Fake()}
    assert closure(roots, packages) == ["a==1.0", "b==1.0", "c==1.0"]


@pytest.mark.parametrize("name", ["Charset_Normalizer", "charset.normalizer", "charset--normalizer"])
def test_a_name_has_one_spelling(name: str) -> None:
    assert normal(name) == "charset-normalizer"


def test_the_lock_of_a_local_datastore_is_that_of_requests() -> None:
    first, *pins = lock_for("local").split("\n")
    assert first == "# py: {}.{}".format(*sys.version_info)
    assert {pin.partition("==")[0] for pin in pins} >= {"requests", "urllib3", "idna", "certifi"}
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.+!]*", pin) for pin in pins)
    assert pins == sorted(pins)


def test_another_python_and_another_datastore_can_be_asked_for() -> None:
    lock = lock_for("s3", (3, 12))
    assert lock.startswith("# py: 3.12\nboto3==")
    assert "\nrequests==" in lock


@pytest.mark.parametrize(
    ("datastore", "wanted"),
    [
        ("s3", {"boto3", "botocore"}),
        ("azure", {"azure-identity", "azure-storage-blob", "azure-keyvault-secrets", "msal", "cryptography"}),
        (
            "gs",
            {"google-cloud-storage", "google-auth", "google-cloud-secret-manager", "grpcio"},
        ),
    ],
)
def test_a_datastore_brings_its_clients_and_all_that_they_require(datastore: str, wanted: set[str]) -> None:
    _, *pins = lock_for(datastore).splitlines()
    assert {"requests", "urllib3", *wanted} <= {pin.partition("==")[0] for pin in pins}
