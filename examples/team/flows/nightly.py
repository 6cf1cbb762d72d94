"""Reads the sales of a day, a task for each shop, every night. `--day` is for days that are past."""

from datetime import datetime, timezone

from common.sales import read_day
from metaflow import FlowSpec, Parameter, current, retry, schedule, step


@schedule(cron="0 3 * * *", timezone="Europe/Berlin")
class NightlyFlow(FlowSpec):
    day = Parameter("day", default="", help="The day as 2031-03-01; the day of the schedule if not given")

    @step
    def start(self):
        due = getattr(current, "scheduled_for", None) or datetime.now(timezone.utc)
        self.date = self.day or due.date().isoformat()
        self.sales = read_day(self.date)
        self.shops = sorted(self.sales)
        self.next(self.check, foreach="shops")

    @retry(times=2)
    @step
    def check(self):
        self.shop = self.input
        self.amount = self.sales[self.shop]
        if self.amount < 0:
            raise ValueError(f"{self.shop} sold less than nothing on {self.date}")
        self.next(self.add)

    @step
    def add(self, inputs):
        self.amounts = {task.shop: task.amount for task in inputs}
        self.merge_artifacts(inputs, include=["date"])
        self.next(self.end)

    @step
    def end(self):
        print(f"{self.date}: {sum(self.amounts.values())} in {len(self.amounts)} shops")


if __name__ == "__main__":
    NightlyFlow()
