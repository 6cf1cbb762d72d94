from __future__ import annotations

from pathlib import Path

from tests.support.tasks import record, task

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.runtime.child.task_environment import OWN, task_environment

ROOT = Path("/cache/abcd")


def test_says_who_what_and_where() -> None:
    found = task_environment(task(levels=[("foreach", 1)]), ROOT, {})
    assert found["METAFLOW_USER"] == found["METAFLOW_OWNER"] == "tester"
    assert found["METAFLOW_RUNTIME_NAME"] == "windmill"
    assert found["METAFLOW_PRODUCTION_TOKEN"] == "token"
    assert found["METAFLOW_CODE_SHA"] == "abcd"
    assert (found["METAFLOW_RUN_ID"], found["METAFLOW_TASK_ID"]) == ("windmill-r", "t-1")
    assert found["METAFLOW_DATASTORE_SYSROOT_LOCAL"] == "/data"
    assert found["METAFLOW_EXTRACTED_ROOT"] == "/cache/abcd"
    assert all(isinstance(value, str) for value in found.values())


def test_nobody_else_may_set_what_a_task_sets() -> None:
    deployed = record(datastore=StoreInfo("s3", "s3://b/p"), metadata=StoreInfo("service", "http://m"))
    assert task_environment(task(record=deployed), ROOT, {}).keys() == OWN | {"METAFLOW_DATASTORE_SYSROOT_S3"}


def test_puts_the_package_first_on_the_path() -> None:
    assert task_environment(task(), ROOT, {})["PYTHONPATH"] == "/cache/abcd/.mf_code"
    assert (
        task_environment(task(), ROOT, {"PYTHONPATH": "/a:/b"})["PYTHONPATH"] == "/cache/abcd/.mf_code:/a:/b"
    )


def test_a_local_datastore_of_another_name_is_given_by_option_only() -> None:
    elsewhere = task(record=record(datastore=StoreInfo("local", "/data/store")))
    assert not [name for name in task_environment(elsewhere, ROOT, {}) if "SYSROOT" in name]


def test_names_a_cloud_and_a_service_as_metaflow_does() -> None:
    deployed = record(datastore=StoreInfo("s3", "s3://b/p"), metadata=StoreInfo("service", "http://m"))
    found = task_environment(task(record=deployed), ROOT, {})
    assert found["METAFLOW_DATASTORE_SYSROOT_S3"] == "s3://b/p"
    assert found["METAFLOW_SERVICE_URL"] == "http://m"
    assert (found["METAFLOW_DEFAULT_DATASTORE"], found["METAFLOW_DEFAULT_METADATA"]) == ("s3", "service")


def test_what_was_deployed_with_the_flow_wins() -> None:
    variables = {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://other", "METAFLOW_CARD_S3ROOT": "s3://cards"}
    deployed = record(datastore=StoreInfo("s3", "s3://b/p"), variables=variables)
    found = task_environment(task(record=deployed), ROOT, {})
    assert found["METAFLOW_DATASTORE_SYSROOT_S3"] == "s3://other"
    assert found["METAFLOW_CARD_S3ROOT"] == "s3://cards"
