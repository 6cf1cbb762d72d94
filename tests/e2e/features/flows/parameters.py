"""A flow with a parameter of every kind; the end step keeps nothing but what Metaflow makes of them."""

from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step
from metaflow._vendor import click


def by_user(context):
    return f"made for {context.user_name} in {context.flow_name}"


class ParametersFlow(FlowSpec):
    text = Parameter("text", help="Some words", required=True)
    exact = Parameter("exact", default='it\'s "$HOME" `ls` \\ a=b\n\tü 中')
    large = Parameter("large", default="")
    blank = Parameter("blank", default="x")
    number = Parameter("How-Many", type=int, default=3)
    rate = Parameter("rate", default=0.1)
    most = Parameter("most", default=float("inf"))
    fast = Parameter("fast", type=bool, default=True)
    options = Parameter("options", type=JSONType, default='{"a": [1, null, "é"]}')
    cleared = Parameter("cleared", type=JSONType, default="{}")
    reference = Parameter("reference", default="$var:u/admin/absent")
    references = Parameter("references", type=JSONType, default='{"a": ["$res:u/admin/absent"]}')
    plain = Parameter("plain", default={"a": 1})
    words = Parameter("words", default="a,b", separator=",")
    color = Parameter("color", type=click.Choice(["red", "green"]), default="red")
    parts = Parameter("parts", type=complex, default=1.5)
    nothing = Parameter("nothing", default=None)
    no_number = Parameter("no_number", type=int)
    no_json = Parameter("no_json", type=JSONType)
    person = Parameter("name", default=by_user)
    made = Parameter("made", type=JSONType, default=lambda _: '{"b": [true]}')
    made_number = Parameter("made_number", type=int, default=lambda _: 7)
    letter = IncludeFile("letter", encoding="latin-1", default="letter.txt")
    raw = IncludeFile("raw", is_text=False)
    no_file = IncludeFile("no_file")

    @step
    def start(self):
        self.types = [type(value).__name__ for value in (self.parts, self.text, self.number, self.rate)]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParametersFlow()
