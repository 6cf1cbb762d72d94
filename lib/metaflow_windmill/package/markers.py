"""Which markers of PEP 508 hold on a worker."""

from __future__ import annotations

import platform
import sys


def applies(marker: str, python: str, extra: str = "") -> bool:
    """Tell whether a marker of PEP 508 holds on a worker, which is a Linux machine."""
    from metaflow._vendor.packaging.markers import Marker

    minor = ".".join(python.split(".")[:2])
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": platform.machine() if sys.platform == "linux" else "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python if python != minor else f"{minor}.0",
        "python_version": minor,
        "sys_platform": "linux",
        "extra": extra,
    }
    return bool(Marker(marker).evaluate(environment))
