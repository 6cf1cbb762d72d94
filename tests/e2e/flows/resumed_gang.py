"""A gang of three; each task notes that it ran, and fails where it is told to."""

from pathlib import Path

from metaflow import FlowSpec, Parameter, current, parallel, step


class ResumedGang(FlowSpec):
    notes = Parameter("notes", help="A directory: the file `broken` names the tasks that fail")

    def note(self, *place):
        """Write down what ran, such as `train 1`; fail if it is broken."""
        text = " ".join(map(str, (current.step_name, *place)))
        with (Path(self.notes) / "ran").open("a") as file:
            file.write(f"{text}\n")
        if text in (Path(self.notes) / "broken").read_text().splitlines():
            raise RuntimeError(f"{text} is broken")

    @step
    def start(self):
        self.note()
        self.next(self.train, num_parallel=3)

    @parallel
    @step
    def train(self):
        self.note(current.parallel.node_index)
        self.rank = current.parallel.node_index
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.note()
        self.ranks = [task.rank for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        self.note()


if __name__ == "__main__":
    ResumedGang()
