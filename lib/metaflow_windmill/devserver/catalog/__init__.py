"""What a workspace holds besides jobs: scripts, flows, variables, resources, schedules, tokens."""
