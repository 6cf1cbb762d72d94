"""A flow that is made by its configuration: parameters and decorators come from it, or from mutators."""

import os
from pathlib import Path

from metaflow import (
    Config,
    FlowMutator,
    FlowSpec,
    Parameter,
    StepMutator,
    config_expr,
    current,
    environment,
    project,
    retry,
    step,
    user_step_decorator,
)

DEFAULTS = {"project": "none", "parameters": {}, "times": 1, "greeting": "?"}


class AddsParameters(FlowMutator):
    """Adds a parameter for each that the configuration names, and a variable to all steps."""

    def pre_mutate(self, mutable_flow):
        for name, default in mutable_flow.settings["parameters"].items():
            mutable_flow.add_parameter(name, Parameter(name, default=default))

    def mutate(self, mutable_flow):
        for _, mutable_step in mutable_flow.steps:
            mutable_step.add_decorator(environment, deco_kwargs={"vars": {"FROM_FLOW": "all steps"}})


class Retries(StepMutator):
    """Lets a step be tried again as often as the configuration says."""

    def mutate(self, mutable_step):
        times = mutable_step.flow.settings.times
        mutable_step.add_decorator(retry, deco_kwargs={"times": times, "minutes_between_retries": 0})


@user_step_decorator
def noted(step_name, flow, inputs=None, attributes=None):
    flow.noted = [step_name, (attributes or {}).get("word", "no word")]
    yield


def lines(text):
    return {"lines": text.split()}


@AddsParameters
@project(name=config_expr("settings.project"))
class ConfiguredFlow(FlowSpec):
    settings = Config(
        "settings", default_value={"project": "none", "parameters": {}, "times": 1, "greeting": "?"}
    )
    listed = Config("listed", default="words.txt", parser=lines)
    size = Parameter("size", type=int, default=config_expr("settings.size"))

    @noted(word="beginning")
    @step
    def start(self):
        self.of_config = [self.settings.greeting, self.listed.lines, self.settings["parameters"]]
        self.of_parameters = [self.size, self.first, self.second]
        self.of_flow = os.environ.get("FROM_FLOW")
        self.project_name = current.project_name
        self.has_file = Path("words.txt").exists()
        self.next(self.flaky)

    @Retries
    @step
    def flaky(self):
        if current.retry_count < self.settings.times:
            raise ConnectionError("try again")
        self.attempts = current.retry_count
        self.next(self.end)

    @environment(vars={"GREETING": config_expr("settings.greeting")})
    @step
    def end(self):
        self.of_step = os.environ.get("GREETING")
        self.with_option = os.environ.get("FROM_COMMAND_LINE")


if __name__ == "__main__":
    ConfiguredFlow()
