"""Writes the report of a night, when the nightly flow has ended."""

from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="NightlyFlow")
class ReportFlow(FlowSpec):
    @step
    def start(self):
        from tabulate import tabulate

        night = current.trigger.run.data
        self.report = tabulate(sorted(night.amounts.items()), headers=["shop", night.date])
        self.next(self.end)

    @step
    def end(self):
        print(self.report)


if __name__ == "__main__":
    ReportFlow()
