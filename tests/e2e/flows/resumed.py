"""Loops in loops, a recursion and a switch; each task notes that it ran, and fails where it is told to."""

from pathlib import Path

from metaflow import FlowSpec, Parameter, current, step


class Resumed(FlowSpec):
    notes = Parameter("notes", help="A directory: the file `broken` names the tasks that fail")

    def note(self, *place):
        """Write down what ran, such as `member 1 0`; fail if it is broken."""
        text = " ".join(map(str, (current.step_name, *place)))
        with (Path(self.notes) / "ran").open("a") as file:
            file.write(f"{text}\n")
        if text in (Path(self.notes) / "broken").read_text().splitlines():
            raise RuntimeError(f"{text} is broken")

    @step
    def start(self):
        self.note()
        self.groups = ["a", "b"]
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.note(self.index)
        self.members = [1, 2]
        self.next(self.member, foreach="members")

    @step
    def member(self):
        self.note(*(frame.index for frame in self._foreach_stack))
        self.made = f"{self.foreach_stack()[0][2]}{self.input}"
        self.next(self.gather_members)

    @step
    def gather_members(self, inputs):
        self.note(inputs[0].foreach_stack()[0][0])
        self.made = [task.made for task in inputs]
        self.next(self.gather_groups)

    @step
    def gather_groups(self, inputs):
        self.note()
        self.made = [task.made for task in inputs]
        self.turns = 0
        self.next(self.turn)

    @step
    def turn(self):
        self.note(self.turns)
        self.turns += 1
        self.go = "again" if self.turns < 3 else "on"
        self.next({"again": self.turn, "on": self.choose}, condition="go")

    @step
    def choose(self):
        self.note()
        self.side = "right"
        self.next({"left": self.left, "right": self.right}, condition="side")

    @step
    def left(self):
        self.note()
        self.next(self.meet)

    @step
    def right(self):
        self.note()
        self.next(self.meet)

    @step
    def meet(self):
        self.note()
        self.next(self.end)

    @step
    def end(self):
        self.note()


if __name__ == "__main__":
    Resumed()
