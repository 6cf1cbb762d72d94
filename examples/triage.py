"""Try again until it is good enough, then take one of two ways, then report on two things at once."""

from metaflow import FlowSpec, Parameter, step


class TriageFlow(FlowSpec):
    patience = Parameter("patience", default=3, type=int, help="How many rounds it takes")

    @step
    def start(self):
        self.rounds = 0
        self.next(self.refine)

    @step
    def refine(self):
        self.rounds += 1
        self.state = "good" if self.rounds >= self.patience else "rough"
        self.next({"rough": self.refine, "good": self.judge}, condition="state")

    @step
    def judge(self):
        self.verdict = "quick" if self.rounds < 5 else "slow"
        self.next({"quick": self.praise, "slow": self.warn}, condition="verdict")

    @step
    def praise(self):
        self.words = f"only {self.rounds} rounds"
        self.next(self.report)

    @step
    def warn(self):
        self.words = f"{self.rounds} rounds are many"
        self.next(self.report)

    @step
    def report(self):
        self.next(self.upper, self.count)

    @step
    def upper(self):
        self.title = self.words.upper()
        self.next(self.gather)

    @step
    def count(self):
        self.length = len(self.words)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.summary = f"{inputs.upper.title} ({inputs.count.length} letters)"
        self.next(self.end)

    @step
    def end(self):
        print(self.summary)


if __name__ == "__main__":
    TriageFlow()
