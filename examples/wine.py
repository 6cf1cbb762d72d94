"""Which grower made this wine? Compare models, judge the best by data it never saw, keep it if it is good."""

from metaflow import FlowSpec, Parameter, card, current, retry, step
from metaflow.cards import Markdown, Table, VegaChart

CANDIDATES = [("forest", 50), ("forest", 200), ("neighbours", 5), ("logistic", 1.0)]


def model_of(kind, strength):
    """Return an untrained model of scikit-learn."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "forest":
        return RandomForestClassifier(n_estimators=strength, random_state=0)
    if kind == "neighbours":
        return make_pipeline(StandardScaler(), KNeighborsClassifier(strength))
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength))


def bars(table):
    """Return a chart of Vega-Lite: a bar for each row of a table with `model` and `accuracy`."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": table.to_dict("records")},
        "mark": "bar",
        "encoding": {
            "x": {"field": "accuracy", "type": "quantitative", "scale": {"domain": [0, 1]}},
            "y": {"field": "model", "type": "nominal", "sort": "-x"},
        },
    }


class WineFlow(FlowSpec):
    wanted = Parameter("wanted", default=0.9, help="The least accuracy at which the best model is kept")

    @step
    def start(self):
        from sklearn.datasets import load_wine
        from sklearn.model_selection import train_test_split

        wine = load_wine(as_frame=True).frame
        self.train, self.held_out = train_test_split(wine, test_size=0.3, random_state=0)
        self.candidates = CANDIDATES
        self.next(self.fit, foreach="candidates")

    @retry(times=2)
    @step
    def fit(self):
        from sklearn.model_selection import cross_val_score

        kind, strength = self.input
        self.name = f"{kind} {strength}"
        features = self.train.drop(columns="target")
        self.model = model_of(kind, strength).fit(features, self.train["target"])
        self.accuracy = float(cross_val_score(self.model, features, self.train["target"], cv=3).mean())
        print(f"{self.name}: {self.accuracy:.3f}")
        self.next(self.compare)

    @card
    @step
    def compare(self, inputs):
        import pandas as pd

        rows = [{"model": task.name, "accuracy": task.accuracy} for task in inputs]
        self.table = pd.DataFrame(rows).sort_values("accuracy", ascending=False)
        self.best = max(inputs, key=lambda task: task.accuracy).model
        self.merge_artifacts(inputs, include=["held_out"])
        current.card.append(Markdown("# Candidates, by cross-validation"))
        current.card.append(VegaChart(bars(self.table)))
        current.card.append(Table.from_dataframe(self.table))
        self.next(self.judge)

    @step
    def judge(self):
        self.score = float(self.best.score(self.held_out.drop(columns="target"), self.held_out["target"]))
        self.verdict = "good" if self.score >= self.wanted else "poor"
        self.next({"good": self.keep, "poor": self.reject}, condition="verdict")

    @step
    def keep(self):
        self.champion = self.best
        self.next(self.end)

    @step
    def reject(self):
        self.champion = None
        self.next(self.end)

    @step
    def end(self):
        print(f"{self.verdict}: {self.score:.3f} on wines that no model saw, {self.wanted} was wanted")


if __name__ == "__main__":
    WineFlow()
