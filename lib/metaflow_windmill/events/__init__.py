"""Events: the flows that wait for one are started when it is published, each exactly once.

From outside Windmill::

    from metaflow_windmill.events import publish_event

    publish_event("new-data", {"table": "sales"})
"""

from __future__ import annotations

from metaflow_windmill.events.outside import publish_event
from metaflow_windmill.events.publish import Delivery, Published, new_event, publish

__all__ = ["Delivery", "Published", "new_event", "publish", "publish_event", "received"]
