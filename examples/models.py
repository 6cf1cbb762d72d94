"""Train several models side by side, retry what fails once, keep the best."""

from metaflow import FlowSpec, Parameter, current, retry, step


class ModelsFlow(FlowSpec):
    degrees = Parameter("degrees", default="1,2,3", separator=",", help="Degrees of the polynomials to try")

    @step
    def start(self):
        self.points = [(x / 10, (x / 10) ** 2 - x / 10) for x in range(20)]
        self.next(self.train, foreach="degrees")

    @retry(times=2, minutes_between_retries=0)
    @step
    def train(self):
        self.degree = int(self.input)
        if self.degree == 2 and current.retry_count == 0:
            raise RuntimeError("the first attempt of this one fails, to show a retry")
        self.next(self.score)

    @step
    def score(self):
        powers = [(x**self.degree, y) for x, y in self.points]
        weight = sum(p * y for p, y in powers) / (sum(p * p for p, _ in powers) or 1)
        self.loss = sum((weight * p - y) ** 2 for p, y in powers)
        print(f"degree {self.degree}: loss {self.loss:.3f}")
        self.next(self.choose)

    @step
    def choose(self, inputs):
        self.losses = {task.degree: task.loss for task in inputs}
        self.best = min(self.losses, key=self.losses.get)
        self.merge_artifacts(inputs, include=["points"])
        self.next(self.end)

    @step
    def end(self):
        print(f"The best degree is {self.best}")


if __name__ == "__main__":
    ModelsFlow()
