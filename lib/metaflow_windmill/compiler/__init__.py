"""A Dag and a Deployment become an OpenFlow document; pure: no I/O, no clock, no environment."""
