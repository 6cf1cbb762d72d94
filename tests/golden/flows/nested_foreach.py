"""A foreach inside of another one."""

from metaflow import FlowSpec, step


class NestedForeachFlow(FlowSpec):
    @step
    def start(self):
        self.groups = [1, 2]
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.members = [1, 2, 3]
        self.next(self.member, foreach="members")

    @step
    def member(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.gather_groups)

    @step
    def gather_groups(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedForeachFlow()
