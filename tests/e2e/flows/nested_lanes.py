"""Two foreaches in one another, so that a limit can be observed."""

from metaflow import FlowSpec, step


class NestedLanes(FlowSpec):
    @step
    def start(self):
        self.groups = ["a", "b", "c", "d"]
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.members = [f"{self.input}{number}" for number in range(3)]
        self.next(self.member, foreach="members")

    @step
    def member(self):
        self.member_name = self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.member_names = [task.member_name for task in inputs]
        self.next(self.gather_groups)

    @step
    def gather_groups(self, inputs):
        self.all_names = [task.member_names for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedLanes()
