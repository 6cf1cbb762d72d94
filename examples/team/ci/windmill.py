"""Asks Windmill to deploy this repository, or to say what it would deploy, and prints its table, in Markdown.

WINDMILL_HOST, WINDMILL_WORKSPACE and WINDMILL_TOKEN say where. If a flow cannot be deployed, the exit status
is 1. It needs nothing but Python.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request

SCRIPT = "f/metaflow/compile_and_deploy"


def ask(path, body=None):
    """Return the answer of Windmill's API, a POST if there is a body."""
    address = f"{os.environ['WINDMILL_HOST'].rstrip('/')}/api/w/{os.environ['WINDMILL_WORKSPACE']}/{path}"
    headers = {"Authorization": f"Bearer {os.environ['WINDMILL_TOKEN']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as why:
        sys.exit(f"Windmill answers {why.code} to {path}: {why.read().decode(errors='replace')[:500]}")


def wait_for(job, seconds):
    """Return what a job said, and whether it succeeded."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = json.loads(ask(f"jobs_u/completed/get_result_maybe/{job}"))
        if seen["completed"]:
            return seen["result"], seen["success"]
        time.sleep(2)
    sys.exit(f"The job {job} is not over after {seconds} seconds. It goes on; look at it in Windmill.")


def main():
    """Start the job, wait for it, print its table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("configuration", help="a metaflow_repo resource, such as f/team/flows_repo")
    parser.add_argument("--ref", default="", help="a branch, tag or commit, not the configured branch")
    parser.add_argument("--dry-run", action="store_true", help="deploy nothing, say what would change")
    parser.add_argument("--patience", type=int, default=1800, metavar="SECONDS")
    said = parser.parse_args()
    wanted = {"configuration": f"$res:{said.configuration}", "ref": said.ref, "dry_run": said.dry_run}
    result, succeeded = wait_for(ask(f"jobs/run/p/{SCRIPT}", wanted).strip('"'), said.patience)
    shown = isinstance(result, dict) and result.get("markdown")
    print(shown or f"```\n{json.dumps(result, indent=2)}\n```")
    return not succeeded


if __name__ == "__main__":
    sys.exit(main())
