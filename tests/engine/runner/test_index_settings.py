"""Where uv is told to find packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.runner.index_settings import uv_environment

if TYPE_CHECKING:
    from pathlib import Path

PIP = "[global]\nindex-url = https://a.example/simple\ntrusted-host =\n    a.example\n    b.example\n"


def test_uv_is_told_what_pip_was_told(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(PIP + "[install]\nfind-links = /one /two\n")
    own = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_EXTRA_INDEX_URL": "https://c.example",
        "PIP_CERT": "/ca.pem",
        "VIRTUAL_ENV": "/somewhere",
        "HOME": str(tmp_path),
    }
    told = uv_environment(own)
    assert told["UV_DEFAULT_INDEX"] == "https://a.example/simple"
    assert told["UV_INDEX"] == "https://c.example"
    assert told["UV_FIND_LINKS"] == "/one,/two"
    assert told["UV_INSECURE_HOST"] == "a.example b.example"
    assert told["SSL_CERT_FILE"] == "/ca.pem"
    assert "VIRTUAL_ENV" not in told


def test_uvs_own_settings_come_first(tmp_path: Path) -> None:
    own = {
        "HOME": str(tmp_path),
        "PIP_INDEX_URL": "https://a.example",
        "UV_DEFAULT_INDEX": "https://b.example",
    }
    assert uv_environment(own)["UV_DEFAULT_INDEX"] == "https://b.example"
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").write_text("offline = true\n")
    del own["UV_DEFAULT_INDEX"]
    assert "UV_DEFAULT_INDEX" not in uv_environment(own)
