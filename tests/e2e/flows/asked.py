from pathlib import Path

from metaflow import FlowSpec, Parameter, retry, step, windmill


class AskedFlow(FlowSpec):
    mark = Parameter("mark", default="")
    items = Parameter("items", default="a,b", separator=",")

    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.meet)

    @windmill(approval="Go right?")
    @step
    def right(self):
        self.said = self.approval
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.right_by = inputs.right.said["by"]
        self.next(self.fan)

    @step
    def fan(self):
        self.next(self.each, foreach="items")

    @windmill(
        approval={"ask": "This?", "form": {"share": float}, "artifact": "word", "otherwise": "continue"}
    )
    @step
    def each(self):
        self.item, self.share = self.input, self.word["answers"].get("share")
        self.fine = self.word["approved"]
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.shares = [(given.item, given.share, given.fine) for given in inputs]
        self.right_by = inputs[0].right_by
        self.next(self.release)

    @retry(times=1, minutes_between_retries=0)
    @windmill(
        approval={"ask": "Release **it**?", "form": {"why": str, "where": ["eu", "us"]}, "timeout": 3600}
    )
    @step
    def release(self):
        if self.mark and not Path(self.mark).exists():
            Path(self.mark).touch()
            raise ValueError("the first attempt")
        self.why = self.approval["answers"]["why"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AskedFlow()
