"""Compiled with --pack 2 --max-workers 2: lanes of packs, and packs inside of a foreach that is none."""

from metaflow import FlowSpec, step


class PackedLanesFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2, 3, 4, 5]
        self.next(self.simple, foreach="items")

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
        self.members = [1, 2, 3]
        self.next(self.member, foreach="members")

    @step
    def member(self):
        self.next(self.members_done)

    @step
    def members_done(self, inputs):
        self.next(self.groups_done)

    @step
    def groups_done(self, inputs):
        self.next(self.choose)

    @step
    def choose(self):
        self.kind = "big"
        self.next({"big": self.big, "small": self.small}, condition="kind")

    @step
    def big(self):
        self.next(self.bigger)

    @step
    def bigger(self):
        self.next(self.merge)

    @step
    def small(self):
        self.next(self.merge)

    @step
    def merge(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PackedLanesFlow()
