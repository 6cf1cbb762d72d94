"""A gang whose nodes are jobs of their own: they find each other, begin together and end together."""

__all__ = ["node"]
