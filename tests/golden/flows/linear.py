"""One step after the other."""

from metaflow import FlowSpec, step


class LinearFlow(FlowSpec):
    """Greets whoever is asked for.

    Takes its time.
    """

    @step
    def start(self):
        """Find out | who it is."""
        self.name_of_it = "world"
        self.next(self.greet)

    @step
    def greet(self):
        """Greet."""
        self.greeting = f"hello {self.name_of_it}"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LinearFlow()
