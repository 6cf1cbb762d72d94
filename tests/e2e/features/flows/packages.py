"""A flow whose steps import packages that this project does not need: each from another place."""

# /// script
# requires-python = ">=3.10"
# dependencies = ["humanize==4.9.0"]
# ///

from metaflow import FlowSpec, pypi, pypi_base, step


@pypi_base(packages={"inflection": "0.5.1"})
class PackagesFlow(FlowSpec):
    @pypi(packages={"tabulate": "0.9.0", "humanize": ">=4.10,<5"})
    @step
    def start(self):
        import humanize
        import inflection
        import tabulate

        self.versions = [humanize.__version__, inflection.__version__, tabulate.__version__]
        self.same = [inflection.pluralize("flow"), type(humanize.naturalsize(10**6)).__name__]
        self.next(self.end)

    @step
    def end(self):
        import humanize

        self.shared = humanize.__version__
        try:
            import tabulate
        except ImportError:
            tabulate = None
        self.absent = tabulate is None


if __name__ == "__main__":
    PackagesFlow()
