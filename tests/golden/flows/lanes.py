"""Compiled with --max-workers 2, and with --max-num-splits 50000: foreaches of one step, and of several."""

from metaflow import FlowSpec, step, timeout


class LanesFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.simple, foreach="items")

    @timeout(minutes=5)
    @step
    def simple(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.groups = [1, 2]
        self.next(self.regroup)

    @step
    def regroup(self):
        self.groups = [1, 2]
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.members = [1, 2]
        self.next(self.member, foreach="members")

    @step
    def member(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.both)

    @step
    def right(self):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.next(self.members_done)

    @step
    def members_done(self, inputs):
        self.next(self.groups_done)

    @step
    def groups_done(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LanesFlow()
