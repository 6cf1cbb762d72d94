"""A gang of nodes, inside a foreach, and the join of each."""

from metaflow import FlowSpec, current, parallel, step


class Gang(FlowSpec):
    @step
    def start(self):
        self.sizes = [3, 1]
        self.next(self.launch, foreach="sizes")

    @step
    def launch(self):
        self.size = self.input
        self.next(self.train, num_parallel=self.size)

    @parallel
    @step
    def train(self):
        self.node = current.parallel.node_index
        self.nodes = current.parallel.num_nodes
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.seen = [(task.node, task.nodes) for task in inputs]
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.seen = [task.seen for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Gang()
