from metaflow import FlowSpec, step, windmill


class TwoPeopleFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.release)

    @windmill(approval={"ask": "Release it?", "form": {"why": str}, "self_approval": False, "timeout": 3600})
    @step
    def release(self):
        self.next(self.end)

    @step
    def end(self):
        print(f"{self.approval['answers']['why']}, says {self.approval['by'][0]}")


if __name__ == "__main__":
    TwoPeopleFlow()
