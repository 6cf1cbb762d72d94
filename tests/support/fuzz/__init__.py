"""Random OpenFlow programs, run on two servers and compared."""
