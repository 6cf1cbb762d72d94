"""A chain, a foreach of a chain and a join: what `--pack` makes few jobs of."""

from metaflow import FlowSpec, Parameter, catch, current, retry, step


class Packed(FlowSpec):
    broken = Parameter("broken", type=int, default=-1, help="the item that fails for good")

    @step
    def start(self):
        self.next(self.prepare)

    @step
    def prepare(self):
        self.items = list(range(7))
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        print("works on", self.input)
        if self.input == 4 and current.retry_count == 0:
            raise ValueError("once")
        if self.input == self.broken:
            raise LookupError("for good")
        self.number = self.input
        self.next(self.after)

    @catch(print_exception=False)
    @step
    def after(self):
        self.square = self.number**2
        if self.number == 5:
            raise ArithmeticError("to be caught")
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.squares = [one.square for one in inputs]
        self.next(self.choose)

    @step
    def choose(self):
        self.how = "many"
        self.next({"many": self.many, "few": self.few}, condition="how")

    @step
    def many(self):
        self.next(self.end)

    @step
    def few(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Packed()
