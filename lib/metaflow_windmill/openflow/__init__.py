"""The typed OpenFlow document, to and from JSON."""
