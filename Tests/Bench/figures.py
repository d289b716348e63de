"""Figures by round, and their medians."""

import statistics


class Figures:
    def __init__(self):
        self.values = {}
        self.names = {}

    def add(self, key, name, value):
        self.names[key] = name
        self.values.setdefault(key, []).append(value)
        print(f"  {name}: {text(value)}", flush=True)

    def ratio(self, key, name, above, below):
        """Of the newest round: both were measured side by side, so that a slow minute of the machine meets both."""
        self.add(key, name, self.values[above][-1] / self.values[below][-1])

    def print(self):
        width = max(len(name) for name in self.names.values())
        print(f"\n{'':{width}}  {'median':>10} {'least':>10} {'most':>10}")
        for key, name in self.names.items():
            values = self.values[key]
            print(f"{name:{width}}  {text(statistics.median(values)):>10} {text(min(values)):>10} "
                  f"{text(max(values)):>10}")


def text(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
