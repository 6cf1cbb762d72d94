"""What the flows of this repository share."""


def read_day(day):
    """Return the sales of a day, a number for each shop: yours would ask a database."""
    seed = sum(map(ord, day))
    return {shop: (seed * number) % 97 for number, shop in enumerate(("north", "south", "west"), start=1)}
