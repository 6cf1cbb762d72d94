"""What a deployment says of a flow: names, parameters, schedule, secrets, packages, workers."""
