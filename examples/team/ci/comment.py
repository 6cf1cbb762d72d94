"""Writes a file as a note under the merge request of this GitLab pipeline. It needs nothing but Python."""

import json
import os
import sys
import urllib.request
from pathlib import Path


def main():
    """Post the note."""
    project, request = os.environ["CI_PROJECT_ID"], os.environ["CI_MERGE_REQUEST_IID"]
    address = f"{os.environ['CI_API_V4_URL']}/projects/{project}/merge_requests/{request}/notes"
    headers = {"PRIVATE-TOKEN": os.environ["COMMENT_TOKEN"], "Content-Type": "application/json"}
    body = json.dumps({"body": Path(sys.argv[1]).read_text(encoding="utf-8")}).encode()
    urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60).close()


if __name__ == "__main__":
    main()
